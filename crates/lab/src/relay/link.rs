//! One connection through the relay: a client's and one of our own to the server.
//!
//! Two loops, one for each direction, look at the fault in force before each chunk they pass on.
//! A third eye watches for resets. A direction that ends (`FIN`) ends on the other side once all
//! before it has gone out; an error on either side resets both.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::fault::Fault;
use super::noise::Noise;
use super::requests::{Marks, Requests};
use super::responses::Responses;
use super::{Order, Shared};

/// How much is read at a time, in bytes.
const READ_LEN: usize = 64 * 1024;

/// How many response bytes may wait to be late before no more are read.
const DELAYED_LEN_MAX: usize = 4 * 1024 * 1024;

/// How long a client may take to notice that its response has been cut off.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a link ends before both directions have.
enum Break {
    /// An error on either side; the other is told by a reset.
    Failed,
    /// [`Fault::Truncate`] has let enough through.
    Truncated,
}

impl From<io::Error> for Break {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}

/// One connection through the relay.
pub(super) struct Link {
    shared: Rc<Shared>,
    order: watch::Receiver<Order>,
    noise: Noise,
    marks: RefCell<Marks>,
}

impl Link {
    /// A link under the orders given from now on.
    pub(super) fn new(shared: Rc<Shared>, number: u64) -> Self {
        let order = shared.order.subscribe();
        let noise = shared.noise.part(number);
        Self { shared, order, noise, marks: RefCell::default() }
    }

    /// Forwards bytes until both directions have ended or the link is broken.
    pub(super) async fn run(self, mut client: TcpStream) {
        let mut order = self.order.clone();
        let resets = order.borrow_and_update().resets;
        let end = tokio::select! {
            biased;
            _ = order.wait_for(|order| order.resets != resets) => Err(Break::Failed),
            end = self.forward_and_hang_up(&mut client) => end,
        };
        if end.is_err() {
            // Closing it now sends a reset. What cannot be reset is gone already.
            let _ = client.set_zero_linger();
        }
    }

    async fn forward_and_hang_up(&self, client: &mut TcpStream) -> Result<(), Break> {
        match self.forward(client).await {
            Err(Break::Truncated) => hang_up(client).await,
            end => return end,
        }
        Ok(())
    }

    async fn forward(&self, client: &mut TcpStream) -> Result<(), Break> {
        let mut server = TcpStream::connect(self.shared.target).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::try_join!(
            self.forward_requests(from_client, to_server),
            self.forward_responses(from_server, to_client),
        )?;
        Ok(())
    }

    async fn forward_requests(
        &self,
        mut client: ReadHalf<'_>,
        mut server: WriteHalf<'_>,
    ) -> Result<(), Break> {
        let mut requests = Requests::default();
        let (mut input, mut output) = (vec![0; READ_LEN], Vec::new());
        loop {
            self.wait_until(|fault| *fault != Fault::Stall).await;
            let len = client.read(&mut input).await?;
            if len == 0 {
                break;
            }
            self.shared.counters.add_from_client(len);
            let fault = self.wait_until(|fault| *fault != Fault::Stall).await;
            if fault.loses_bytes() {
                requests.clear();
                continue;
            }
            requests.take(&input[..len], &fault, &mut self.marks.borrow_mut(), &mut output);
            server.write_all(&output).await?;
            output.clear();
        }
        self.wait_until(Fault::lets_pass).await;
        server.shutdown().await?;
        Ok(())
    }

    async fn forward_responses(
        &self,
        mut server: ReadHalf<'_>,
        mut client: WriteHalf<'_>,
    ) -> Result<(), Break> {
        let mut late = Late::default();
        let mut filter = Filter { noise: self.noise.clone(), ..Filter::default() };
        let mut input = vec![0; READ_LEN];
        let mut is_open = true;
        loop {
            self.wait_until(|fault| *fault != Fault::Stall).await;
            tokio::select! {
                biased;
                bytes = late.next_due(), if !late.is_empty() => {
                    let fault = self.wait_until(|fault| *fault != Fault::Stall).await;
                    if !fault.loses_bytes() {
                        client.write_all(&bytes).await?;
                    }
                }
                len = server.read(&mut input), if is_open && late.len < DELAYED_LEN_MAX => {
                    let len = len?;
                    is_open = len > 0;
                    self.shared.counters.add_from_server(len);
                    let fault = self.wait_until(|fault| *fault != Fault::Stall).await;
                    let passed = filter.pass(&input[..len], &fault, &mut self.marks.borrow_mut());
                    let delay = fault.delay();
                    if delay.is_zero() && late.is_empty() {
                        client.write_all(&passed.bytes).await?;
                    } else {
                        late.push(passed.bytes, Instant::now() + delay);
                    }
                    if passed.is_last {
                        while !late.is_empty() {
                            client.write_all(&late.next_due().await).await?;
                        }
                        return Err(Break::Truncated);
                    }
                }
                else => break,
            }
        }
        self.wait_until(Fault::lets_pass).await;
        client.shutdown().await?;
        Ok(())
    }

    /// Waits for a fault that fits and returns it.
    async fn wait_until(&self, fits: impl Fn(&Fault) -> bool) -> Arc<Fault> {
        let mut order = self.order.clone();
        match order.wait_for(|order| fits(&order.fault)).await {
            Ok(order) => Arc::clone(&order.fault),
            // The relay is gone, and this task with it at its next wait.
            Err(_) => Arc::default(),
        }
    }
}

/// Ends a connection so that all bytes sent before arrive: closing one that has unread input
/// would send a reset, which may overtake them.
async fn hang_up(client: &mut TcpStream) {
    let drain = async {
        client.shutdown().await?;
        let mut unread = vec![0; READ_LEN];
        while client.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that stays on the line or has hung up itself: both are none of our business.
    let _ = timeout(LINGER_TIMEOUT, drain).await;
}

/// Response bytes that are not due yet, in order.
#[derive(Default)]
struct Late {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    len: usize,
}

impl Late {
    fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Adds bytes that are due at `due_at`, or when those before them are if that is later.
    fn push(&mut self, bytes: Vec<u8>, due_at: Instant) {
        let before = self.chunks.back().map_or(due_at, |(due_at, _)| *due_at);
        self.len += bytes.len();
        self.chunks.push_back((due_at.max(before), bytes));
    }

    /// Waits for the first bytes to be due and takes them. Loses nothing if dropped before.
    async fn next_due(&mut self) -> Vec<u8> {
        if let Some((due_at, _)) = self.chunks.front() {
            sleep_until(*due_at).await;
        }
        let bytes = self.chunks.pop_front().map_or_else(Vec::new, |(_, bytes)| bytes);
        self.len -= bytes.len();
        bytes
    }
}

/// What faults do to the bytes of responses.
struct Filter {
    responses: Responses,
    noise: Noise,
    /// How many bytes have passed since [`Fault::Truncate`] began.
    passed_len: u64,
}

impl Default for Filter {
    fn default() -> Self {
        Self { responses: Responses::default(), noise: Noise::new(0), passed_len: 0 }
    }
}

/// What is left of a chunk.
struct Passed {
    bytes: Vec<u8>,
    /// The connection ends after it.
    is_last: bool,
}

impl Filter {
    fn pass(&mut self, input: &[u8], fault: &Fault, marks: &mut Marks) -> Passed {
        let mut bytes = Vec::with_capacity(input.len());
        if !fault.loses_bytes() {
            self.responses.take(input, marks, &mut bytes);
        }
        if *fault == Fault::Garbage {
            self.noise.fill(&mut bytes);
        }
        let Fault::Truncate { after_bytes } = fault else {
            self.passed_len = 0;
            return Passed { bytes, is_last: false };
        };
        let left =
            usize::try_from(after_bytes.saturating_sub(self.passed_len)).unwrap_or(usize::MAX);
        let is_last = !bytes.is_empty() && bytes.len() >= left;
        bytes.truncate(left);
        self.passed_len += bytes.len() as u64;
        Passed { bytes, is_last }
    }
}
