//! MEMORY DOCTOR: what the figures say about memory, in words.
//!
//! The thresholds are Redis's.

use std::fmt::Write;

use crate::host::MemoryFigures;

/// Below this many bytes in use the figures mean nothing.
const USED_MIN: u64 = 5 << 20;
/// Wasted bytes that are worth a word.
const WASTE_MIN: i64 = 10 << 20;
/// Bytes per client on average that are worth a word.
const CLIENT_MAX: u64 = 200 << 10;

/// The whole report.
pub(super) fn report(memory: &MemoryFigures) -> String {
    if memory.used < USED_MIN {
        // Its first words are Redis's: scripts look for them.
        return "Hi Sam, this instance is empty or is using very little memory: there is nothing to \
                examine yet.\n"
            .to_owned();
    }
    let found = findings(memory);
    if found.is_empty() {
        return "No memory problem was found.\n".to_owned();
    }
    let mut text = "These memory problems were found:\n\n".to_owned();
    for finding in found {
        let _ = writeln!(text, " * {finding}\n");
    }
    text
}

fn findings(memory: &MemoryFigures) -> Vec<String> {
    let mut found = Vec::new();
    if memory.peak as f64 / memory.used as f64 > 1.5 {
        found.push(
            "Peak: memory use was once more than half above what it is now. Pages of that time may \
             still be resident; they are used again as data grows, or given back in a while."
                .to_owned(),
        );
    }
    if memory.fragmentation() > 1.4 && memory.fragmentation_bytes() > WASTE_MIN {
        found.push(format!(
            "Resident memory: the process holds {:.2} times the memory that is in use. A peak in \
             the past, or many values of changing size, are the usual reasons.",
            memory.fragmentation(),
        ));
    }
    if memory.client_count > 0 && memory.clients / memory.client_count > CLIENT_MAX {
        found.push(
            "Clients: their buffers take more than 200 KiB each on average. CLIENT LIST shows \
             which ones: slow readers, subscribers that fall behind, very long pipelines."
                .to_owned(),
        );
    }
    found
}
