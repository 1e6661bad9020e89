//! What must follow a change: collected by [`crate::Write`], drained by the dispatcher.
//!
//! One `Effects` per command or transaction. Nothing is allocated unless someone listens: events
//! for the classes in [`Effects::wants`], touched keys when [`Effects::tracks`].

use crate::DbId;
use crate::value::Kind;

/// Classes of key events: the letters of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClass(pub u32);

impl EventClass {
    /// `g`
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`
    pub const STRING: Self = Self(1 << 3);
    /// `l`
    pub const LIST: Self = Self(1 << 4);
    /// `s`
    pub const SET: Self = Self(1 << 5);
    /// `h`
    pub const HASH: Self = Self(1 << 6);
    /// `z`
    pub const ZSET: Self = Self(1 << 7);
    /// `x`
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`
    pub const STREAM: Self = Self(1 << 10);
    /// `m`
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`
    pub const MODULE: Self = Self(1 << 13);
    /// `n`
    pub const NEW: Self = Self(1 << 14);
    /// `o`
    pub const OVERWRITTEN: Self = Self(1 << 15);
    /// `c`
    pub const TYPE_CHANGED: Self = Self(1 << 16);
    /// Both of them.
    pub const REPLACED: Self = Self::OVERWRITTEN.union(Self::TYPE_CHANGED);

    /// Whether any class of `other` is among these.
    #[inline]
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// All of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A key event: its class and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Class.
    pub class: EventClass,
    /// Name, such as `set`.
    pub name: &'static str,
}

impl Event {
    /// An event.
    pub const fn new(class: EventClass, name: &'static str) -> Self {
        Self { class, name }
    }

    /// A generic event (`del`, `expire`, `rename_from`, …).
    pub const fn generic(name: &'static str) -> Self {
        Self::new(EventClass::GENERIC, name)
    }

    /// An event of a string command (`set`, `incrby`, …).
    pub const fn string(name: &'static str) -> Self {
        Self::new(EventClass::STRING, name)
    }
}

/// An event that happened, wanted by someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// Which event.
    pub event: Event,
    /// In which database.
    pub db: DbId,
    /// To which key.
    pub key: Box<[u8]>,
}

/// A key of a database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DbKey {
    /// Database.
    pub db: DbId,
    /// Key.
    pub key: Box<[u8]>,
}

/// What happens to a key whose time has come when a command meets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExpired {
    /// It is deleted (a primary).
    #[default]
    Delete,
    /// It is treated as absent but stays (a replica, for its clients).
    Hide,
    /// It is deleted by who opens it for change, and absent but there for who only reads (a
    /// writable replica).
    DeleteOnWrite,
    /// It is treated as present (a replica, for its primary; the AOF loader).
    Keep,
}

/// What seldom follows from a command, so that room for it is made only then.
#[derive(Debug, Default)]
pub struct Followed {
    /// Events that someone wants, in order.
    pub events: Vec<KeyEvent>,
    /// Keys changed, if `tracks`.
    pub touched: Vec<DbKey>,
    /// Keys deleted because their time was over, if `tracks`.
    pub lapsed: Vec<DbKey>,
    /// Keys changed for which someone waits: to be served when all else is done.
    pub ready: Vec<DbKey>,
    /// Keys that had expired and were deleted on the way: to be propagated as DEL, first.
    pub expired: Vec<DbKey>,
    /// Fields of hashes that were due and removed on the way: to be propagated as HDEL, first.
    pub expired_fields: Vec<(DbKey, Vec<Box<[u8]>>)>,
}

impl Followed {
    /// Whether there is nothing but keys whose waiters are to be served.
    fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.touched.is_empty()
            && self.lapsed.is_empty()
            && self.expired.is_empty()
            && self.expired_fields.is_empty()
    }
}

static NOTHING: Followed = Followed {
    events: Vec::new(),
    touched: Vec::new(),
    lapsed: Vec::new(),
    ready: Vec::new(),
    expired: Vec::new(),
    expired_fields: Vec::new(),
};

/// See the module's text. The lists of [`Followed`] are fields of this too.
#[derive(Debug, Default)]
pub struct Effects {
    /// The frozen time of the command.
    pub now_ms: i64,
    /// Classes of events that someone listens to.
    pub wants: EventClass,
    /// Whether touched keys are to be listed (client-side caching, triggers).
    pub tracks: bool,
    /// What to do with expired keys.
    pub on_expired: OnExpired,
    /// Whether reads and writes leave the access clock alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// Changes made, as INFO's `rdb_changes_since_last_save` counts.
    pub dirty: u64,
    /// The lists; `None` while all are empty.
    pub followed: Option<Box<Followed>>,
}

impl std::ops::Deref for Effects {
    type Target = Followed;

    #[inline]
    fn deref(&self) -> &Followed {
        self.followed.as_deref().unwrap_or(&NOTHING)
    }
}

impl std::ops::DerefMut for Effects {
    #[inline]
    fn deref_mut(&mut self) -> &mut Followed {
        self.followed.get_or_insert_default()
    }
}

impl Effects {
    /// Effects of a command at this time.
    pub fn at(now_ms: i64) -> Self {
        Self {
            now_ms,
            ..Self::default()
        }
    }

    /// Whether nothing has followed yet that [`clear`](Self::clear) would forget.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.dirty == 0 && self.followed.as_deref().is_none_or(Followed::is_empty)
    }

    /// Notes an event on a key, if someone wants it.
    #[inline]
    pub fn event(&mut self, event: Event, db: DbId, key: &[u8]) {
        if self.wants.intersects(event.class) {
            self.events.push(KeyEvent {
                event,
                db,
                key: key.into(),
            });
        }
    }

    /// Notes that a value, of the kind `from`, gave way to another one, of the kind `to`.
    #[inline]
    pub fn overwritten(&mut self, db: DbId, key: &[u8], from: Kind, to: Kind) {
        if self.wants.intersects(EventClass::REPLACED) {
            self.event(Event::new(EventClass::OVERWRITTEN, "overwritten"), db, key);
            if from != to {
                let event = Event::new(EventClass::TYPE_CHANGED, "type_changed");
                self.event(event, db, key);
            }
        }
    }

    /// Forgets what was collected, keeping the settings and who is to be served.
    #[inline]
    pub fn clear(&mut self) {
        self.dirty = 0;
        if let Some(followed) = self.followed.take()
            && !followed.ready.is_empty()
        {
            self.ready = followed.ready;
        }
    }
}
