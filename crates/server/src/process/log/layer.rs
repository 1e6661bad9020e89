//! The `tracing` layer that writes the log.
//!
//! It answers tracing's questions about interest from the current level, so that call sites below
//! it stay switched off until the level changes.

use super::{MESSAGE_LEN_MAX, SINK, filter, format, number, role, syslog, write};
use std::fmt::Write as _;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

pub(super) struct LogLayer;

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => self.fields.push((name, value.to_owned())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            // Writing to a String cannot fail.
            "message" => drop(write!(self.message, "{value:?}")),
            name => self.fields.push((name, format!("{value:?}"))),
        }
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match *metadata.level() <= filter() {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= filter()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(filter())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let level = number(*event.metadata().level());
        let cut = said.message.floor_char_boundary(MESSAGE_LEN_MAX);
        said.message.truncate(cut);
        let sink = SINK.read();
        let line = format::line(
            sink.form,
            sink.time,
            role(),
            level,
            &said.message,
            &said.fields,
        );
        write(&sink, line.as_bytes());
        if sink.syslog {
            syslog::send(level, &said.message);
        }
    }
}
