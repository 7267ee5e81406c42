//! What went wrong, in one sentence, and the exit code for it.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use evenkeel_config_file::LoadError;
use evenkeel_load::{EndpointError, RunError as LoadRunError};

use crate::admin::AdminError;
use crate::bench::BenchError;
use crate::lab::LabError;
use crate::run::RunError;
use crate::signals::EXIT_INTERRUPTED;

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller's configuration cannot be used. Nothing was started.
    #[error(transparent)]
    Config(#[from] LoadError),
    /// The caller's configuration has faults, which have been printed. Nothing was started.
    #[error("the configuration has faults")]
    Faulty,
    /// The caller's arguments do not fit together, or not the configuration. Nothing was started.
    #[error("{0}")]
    Usage(String),
    /// The proxy could not be started. What had been started is stopped.
    #[error(transparent)]
    Run(RunError),
    /// The load could not be sent, or what it met is no success.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// A running proxy could not be asked, or has not answered as wanted.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Something is not well; what, has been printed.
    #[error("something is not well")]
    Unwell,
    /// Servers were examined, and not all is well; what, has been printed.
    #[error("not all is well")]
    Examined {
        /// The exit code for it.
        code: u8,
    },
    /// The caller's arguments keep us from examining anything. Nothing was asked of anybody.
    #[error("{0}")]
    NotExamined(String),
    /// The machine gave us no means to wait for anything. Nothing was started.
    #[error("cannot wait for answers: {0}")]
    Runtime(io::Error),
    /// The running proxy has refused its configuration; why, has been printed.
    #[error("the configuration is refused")]
    ReloadRefused,
    /// An order was given and has not had its effect.
    #[error("{0}")]
    Ineffective(String),
    /// Whoever was asked has not said yes. Nothing was done.
    #[error("nothing was done")]
    Declined,
    /// There is no terminal that could be drawn on. Nothing was started.
    #[error("cannot draw on the terminal: {0}; evenkeel status needs none")]
    Terminal(io::Error),
    /// A configuration was made, and somebody must look at it; what for, has been printed.
    #[error("there is something to look at")]
    ImportedInPart,
    /// No configuration was made, or it could not be written.
    #[error("{0}")]
    NotImported(String),
    /// A folder could not be written to.
    #[error("cannot write to {dir}: {source}", dir = dir.display())]
    Folder {
        /// Which.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A report could not be written as a page; it has been printed.
    #[error("cannot write {file}: {source}", file = file.display())]
    Page {
        /// Where to.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lab ended otherwise than it was asked to. Nothing of it is left running.
    #[error(transparent)]
    Lab(LabError),
    /// What was found out could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Load(error) => Self::Config(error),
            RunError::Start(_) | RunError::PortTaken { .. } | RunError::Machine { .. } => {
                Self::Run(error)
            }
        }
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Output(error) => Self::Output(error),
            LabError::Run(_)
            | LabError::Script { .. }
            | LabError::Waited { .. }
            | LabError::Wrong { .. } => Self::Lab(error),
        }
    }
}

impl Failure {
    /// Says on standard error what went wrong, and gives the exit code.
    ///
    /// A reader of the output that has seen enough (`| head`) is no failure.
    pub(crate) fn report(self) -> ExitCode {
        if let Self::Output(error) = &self
            && error.kind() == ErrorKind::BrokenPipe
        {
            return ExitCode::SUCCESS;
        }
        if self.has_been_told() {
            return ExitCode::from(self.exit_code());
        }
        // With standard error gone too there is nobody left to tell.
        let _ = writeln!(io::stderr(), "{}", self.text());
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Run(_)
            | Self::Runtime(_)
            | Self::Output(_)
            | Self::Unwell
            | Self::ImportedInPart
            | Self::Ineffective(_)
            | Self::Declined
            | Self::Terminal(_)
            | Self::Folder { .. } => EXIT_FAILED,
            Self::Usage(_) | Self::NotImported(_) => EXIT_USAGE,
            Self::Examined { code } => *code,
            Self::NotExamined(_) | Self::Page { .. } => EXIT_NOT_EXAMINED,
            Self::Lab(error) => match error {
                LabError::Script { .. } => EXIT_USAGE,
                LabError::Wrong { .. } => EXIT_WRONG,
                LabError::Run(_) | LabError::Waited { .. } | LabError::Output(_) => EXIT_FAILED,
            },
            Self::Config(_) | Self::Faulty | Self::ReloadRefused => EXIT_CONFIG,
            Self::Admin(error) => error.exit_code(),
            Self::Bench(error) => match error {
                BenchError::Endpoint(EndpointError::Form(_)) => EXIT_USAGE,
                BenchError::Wrong { .. } => EXIT_WRONG,
                BenchError::Stopped | BenchError::Run { source: LoadRunError::Stopped } => {
                    EXIT_INTERRUPTED
                }
                BenchError::Endpoint(EndpointError::Unknown { .. })
                | BenchError::Run { .. }
                | BenchError::NoAnswers { .. }
                | BenchError::Save { .. } => EXIT_FAILED,
            },
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Config(LoadError::Faulty(file)) => {
                let count = count(file.faults.len(), "fault");
                format!("{file}\nevenkeel: {} has {count}", file.file)
            }
            Self::Config(LoadError::Unreadable { source, .. }) => {
                format!("evenkeel: {self}; {}", remedy(source.kind()))
            }
            Self::Run(error) | Self::Lab(LabError::Run(error)) => {
                format!("evenkeel: {}", with_causes(error))
            }
            Self::Config(LoadError::TooLarge { .. })
            | Self::Faulty
            | Self::Usage(_)
            | Self::Bench(_)
            | Self::Admin(_)
            | Self::Unwell
            | Self::ImportedInPart
            | Self::NotImported(_)
            | Self::Examined { .. }
            | Self::NotExamined(_)
            | Self::Page { .. }
            | Self::Runtime(_)
            | Self::ReloadRefused
            | Self::Ineffective(_)
            | Self::Declined
            | Self::Terminal(_)
            | Self::Folder { .. }
            | Self::Lab(_)
            | Self::Output(_) => format!("evenkeel: {self}"),
        }
    }

    /// Whether standard output has said it already.
    fn has_been_told(&self) -> bool {
        matches!(
            self,
            Self::Faulty
                | Self::Unwell
                | Self::Examined { .. }
                | Self::ReloadRefused
                | Self::ImportedInPart
        )
    }
}

/// It failed while it ran.
pub(crate) const EXIT_FAILED: u8 = 1;

/// The arguments are wrong; clap's code for it too.
pub(crate) const EXIT_USAGE: u8 = 2;

/// An answer was wrong.
const EXIT_WRONG: u8 = 3;

/// Servers could not be looked at.
pub(crate) const EXIT_NOT_EXAMINED: u8 = 3;

/// `EX_CONFIG` of sysexits.h: a service manager can be told not to try again.
const EXIT_CONFIG: u8 = 78;

/// `1 server`, `2 servers`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The error, what caused it, and so on; and what to do about an address in use.
fn with_causes(error: &RunError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        let io_error = error.downcast_ref::<io::Error>();
        if io_error.is_some_and(|error| error.kind() == ErrorKind::AddrInUse) {
            text.push_str("; stop what listens there, or choose another address");
        }
        cause = error.source();
    }
    text
}

fn remedy(kind: ErrorKind) -> &'static str {
    if kind == ErrorKind::PermissionDenied {
        "let this user read it"
    } else {
        "give the path of a configuration file"
    }
}
