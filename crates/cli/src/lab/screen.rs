//! Where the lab says what happens: lines, above a prompt if there is one.

use std::io::{self, IsTerminal as _, Write as _};

use rustyline::ExternalPrinter;

/// Where lines go.
pub(crate) struct Screen {
    output: Output,
    is_coloured: bool,
}

enum Output {
    /// Standard output.
    Plain,
    /// Above the prompt, which stays where it is.
    Prompt(Box<dyn ExternalPrinter + Send>),
}

/// How something is made to stand out on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Paint {
    /// It is well.
    Good,
    /// It may be worth a look.
    Odd,
    /// It is not well.
    Bad,
    /// What is said, as opposed to what is measured.
    Said,
    /// Of less weight than the rest.
    Faint,
}

impl Screen {
    /// Lines go to standard output.
    pub(crate) fn plain() -> Self {
        Self { output: Output::Plain, is_coloured: wants_colour() }
    }

    /// Lines go above a prompt.
    pub(crate) fn above_prompt(printer: impl ExternalPrinter + Send + 'static) -> Self {
        Self { output: Output::Prompt(Box::new(printer)), is_coloured: wants_colour() }
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        match &mut self.output {
            Output::Plain => {
                let mut output = io::stdout().lock();
                writeln!(output, "{text}")?;
                output.flush()
            }
            Output::Prompt(printer) => printer.print(format!("{text}\n")).map_err(io::Error::other),
        }
    }

    /// The text, which stands out if it should and can.
    pub(crate) fn paint_if(&self, should: bool, paint: Paint, text: &str) -> String {
        if should { self.paint(paint, text) } else { text.to_owned() }
    }

    /// The text as it stands out, if it can.
    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.is_coloured {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Good => "32",
            Paint::Odd => "33",
            Paint::Bad => "1;31",
            Paint::Said => "36",
            Paint::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

fn wants_colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
}
