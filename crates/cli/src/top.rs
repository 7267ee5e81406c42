//! `evenkeel top`: a running proxy on a screen that is live.
//!
//! | part | what it does |
//! |---|---|
//! | `watch` | asks the proxy once a second, on a thread of its own |
//! | `board` | what is known, what is chosen; keys in, orders out |
//! | `sort` | the order of the servers |
//! | `view`, `sparkline` | the board, drawn |
//! | `screen` | the terminal, and that it is left as it was |
//!
//! Here everything that can happen comes through one channel: a key, another size, an answer of
//! the proxy, a signal. Whatever happens, the board takes it in and is drawn again.
//!
//! It never waits for the proxy: a question or an order that is not answered holds up nothing else.

mod board;
mod screen;
mod sort;
mod sparkline;
mod view;
mod watch;

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event as TerminalEvent, KeyEvent, KeyEventKind};
use tokio::signal::unix::{SignalKind, signal};

use crate::admin::Admin;
use crate::args::TopArgs;
use crate::failure::Failure;

use board::{Board, Effect, Order};
use screen::Screen;
use view::Colours;
use watch::Look;

/// Watches until it is told to stop.
pub(crate) fn top(args: &TopArgs) -> Result<(), Failure> {
    let admin = Admin::find(&args.proxy)?;
    if !io::stdout().is_terminal() {
        return Err(Failure::Terminal(io::Error::other("standard output is none")));
    }
    // What is wrong from the start is better said than drawn.
    let mut watch = watch::Watch::new(admin.clone());
    let first = watch.look()?;
    let mut board = Board::new(admin.address().to_owned());
    board.handle_look(first, Instant::now());
    let (sender, receiver) = mpsc::channel();
    send_signals(sender.clone()).map_err(Failure::Terminal)?;
    let screen = Screen::enter().map_err(Failure::Terminal)?;
    send_keys(sender.clone());
    send_looks(sender.clone(), watch);
    run(&mut board, screen, &receiver, &Orders { admin, sender }).map_err(Failure::Terminal)
}

/// Something that has happened.
enum Input {
    Key(KeyEvent),
    /// The screen has another size.
    Resized,
    /// The proxy has answered.
    Look(Box<Look>),
    /// It has not, and why.
    Gone(String),
    /// What became of an order.
    Told(Result<String, String>),
    /// A signal, or a terminal that is gone.
    Stop,
}

fn run(
    board: &mut Board,
    mut screen: Screen,
    inputs: &Receiver<Input>,
    orders: &Orders,
) -> io::Result<()> {
    let colours = Colours::of_environment();
    loop {
        screen.draw(|frame| view::draw(frame, board, Instant::now(), colours))?;
        let input = match inputs.recv_timeout(REDRAW_INTERVAL) {
            Ok(input) => input,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let now = Instant::now();
        match input {
            Input::Resized => {}
            Input::Look(look) => board.handle_look(*look, now),
            Input::Gone(why) => board.handle_silence(why, now),
            Input::Told(outcome) => board.handle_outcome(outcome, now),
            Input::Stop => return Ok(()),
            Input::Key(key) => match board.handle_key(key) {
                Effect::None => {}
                Effect::Quit => return Ok(()),
                Effect::Suspend => screen = screen.suspend()?,
                Effect::Order(order) => orders.give(order),
            },
        }
    }
}

/// Gives orders, each on a thread of its own.
struct Orders {
    admin: Admin,
    sender: Sender<Input>,
}

impl Orders {
    fn give(&self, order: Order) {
        let (admin, sender) = (self.admin.clone(), self.sender.clone());
        thread::spawn(move || {
            let Order { what, pool, server } = order;
            let outcome = match admin.order(what, &pool, &server) {
                Ok(_) => Ok(format!("{pool}/{server}: {} is ordered", what.label())),
                Err(error) => Err(error.to_string()),
            };
            // Nobody is left to be told when the screen has been left.
            let _ = sender.send(Input::Told(outcome));
        });
    }
}

fn send_keys(sender: Sender<Input>) {
    thread::spawn(move || {
        loop {
            let input = match event::read() {
                Ok(TerminalEvent::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
                Ok(TerminalEvent::Resize(..)) => Input::Resized,
                Ok(_) => continue,
                Err(_) => Input::Stop,
            };
            let is_last = matches!(input, Input::Stop);
            if sender.send(input).is_err() || is_last {
                return;
            }
        }
    });
}

fn send_looks(sender: Sender<Input>, mut watch: watch::Watch) {
    thread::spawn(move || {
        loop {
            thread::sleep(LOOK_INTERVAL);
            let input = match watch.look() {
                Ok(look) => Input::Look(Box::new(look)),
                Err(error) => Input::Gone(error.in_brief()),
            };
            if sender.send(input).is_err() {
                return;
            }
        }
    });
}

/// SIGINT, SIGTERM and SIGHUP are caught from now on: the terminal is put in order before the end.
fn send_signals(sender: Sender<Input>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate, mut hang_up) = {
        let _context = runtime.enter();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hang_up] = kinds.map(signal);
        (interrupt?, terminate?, hang_up?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        });
        let _ = sender.send(Input::Stop);
    });
    Ok(())
}

const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is drawn if nothing happens: times go on.
const REDRAW_INTERVAL: Duration = Duration::from_secs(1);
