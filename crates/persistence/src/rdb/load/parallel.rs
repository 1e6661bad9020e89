//! Decoding and inserting on several threads.
//!
//! The reader fills batches of keys with the bytes of their values; helpers take them from a short
//! queue. The reader takes a batch itself when the queue is full, so that no core waits. Order
//! does not matter: a file has each key once.

use super::{Consumer, LoadError, Taker, split};
use crate::rdb::records::Head;
use crate::rdb::value::{Options, Scratch};
use crate::rdb::{SliceSource, Source};
use keyspace::NewEntry;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

/// A batch is full with so many bytes.
const BATCH_BYTES: usize = 256 << 10;
/// Batches waiting for each helper.
const QUEUED: usize = 2;

type Insert<'a> = &'a (dyn Fn(NewEntry<'_>) -> bool + Sync);

/// Keys and the bytes of their values, which follow each other in `bytes`.
#[derive(Default)]
struct Batch {
    heads: Vec<(Head, usize, usize)>,
    bytes: Vec<u8>,
}

/// What all threads share.
struct Shared<'a> {
    taker: &'a Taker<'a>,
    insert: Insert<'a>,
    failed: AtomicBool,
    error: Mutex<Option<LoadError>>,
}

impl Shared<'_> {
    fn take(&self, batch: &Batch, scratch: &mut Scratch, options: &Options) {
        let mut start = 0;
        for (head, key_end, end) in &batch.heads {
            let key = &batch.bytes[start..*key_end];
            let mut source = SliceSource::new(&batch.bytes[*key_end..*end]);
            let tools = (&mut *scratch, options);
            let taken = self
                .taker
                .take((head, key), &mut source, tools, self.insert);
            if let Err(error) = taken {
                let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
                self.failed.store(true, Relaxed);
                return;
            }
            start = *end;
        }
    }

    /// Fails if any thread has.
    fn check(&self) -> Result<(), LoadError> {
        if !self.failed.load(Relaxed) {
            return Ok(());
        }
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        Err(error.take().unwrap_or(LoadError::Cancelled))
    }
}

struct Splitter<'a> {
    shared: &'a Shared<'a>,
    queue: SyncSender<Batch>,
    batch: Batch,
    scratch: Scratch,
    options: Options,
}

impl Splitter<'_> {
    fn send(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        match self.queue.try_send(batch) {
            Ok(()) => {}
            Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
                self.shared.take(&batch, &mut self.scratch, &self.options);
            }
        }
    }
}

impl<S: Source> Consumer<S> for Splitter<'_> {
    fn key(&mut self, head: &Head, key: &[u8], source: &mut S) -> Result<(), LoadError> {
        let shared = self.shared;
        if !split::is_simple(head.type_byte) {
            let tools = (&mut self.scratch, &self.options);
            return shared.taker.take((head, key), source, tools, shared.insert);
        }
        let bytes = &mut self.batch.bytes;
        bytes.extend_from_slice(key);
        let key_end = bytes.len();
        split::copy(head.type_byte, source, bytes).map_err(|error| LoadError::Format(0, error))?;
        self.batch
            .heads
            .push((*head, key_end, self.batch.bytes.len()));
        if self.batch.bytes.len() >= BATCH_BYTES {
            self.send();
            shared.check()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), LoadError> {
        self.send();
        Ok(())
    }
}

fn help(shared: &Shared<'_>, queue: &Mutex<Receiver<Batch>>) {
    let (mut scratch, options) = (Scratch::default(), shared.taker.value_options());
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(batch) if !shared.failed.load(Relaxed) => {
                shared.take(&batch, &mut scratch, &options);
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Runs `read` with a consumer that has so many helpers; they are done when this returns.
pub(super) fn with_helpers<S: Source>(
    helpers: usize,
    taker: &Taker<'_>,
    insert: Insert<'_>,
    read: impl FnOnce(&mut dyn Consumer<S>) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let shared = Shared {
        taker,
        insert,
        failed: AtomicBool::new(false),
        error: Mutex::new(None),
    };
    let (queue, batches) = sync_channel(helpers * QUEUED);
    let batches = Mutex::new(batches);
    std::thread::scope(|scope| {
        let help = || help(&shared, &batches);
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(help)).collect();
        let mut splitter = Splitter {
            shared: &shared,
            queue,
            batch: Batch::default(),
            scratch: Scratch::default(),
            options: taker.value_options(),
        };
        let result = read(&mut splitter);
        // The queue ends with the splitter, and the helpers with it. They are joined, because a
        // scope only waits for their work, and what a thread has of its own is freed after that.
        drop(splitter);
        for helper in helpers {
            if let Err(panic) = helper.join() {
                std::panic::resume_unwind(panic);
            }
        }
        result
    })?;
    shared.check()
}
