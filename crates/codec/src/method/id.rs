//! Class and method numbers: one line a method of the specification (and RabbitMQ's additions to it), with its arguments.

use std::fmt;

use super::signature::Argument::{self, Bits, Long, LongLong, LongString, Octet, Short, ShortString, Table};
use crate::{cursor::Cursor, erlang_term, error::DecodeError};

/// Which method a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MethodId {
    /// The chapter: connection, channel, exchange, queue, basic, ...
    pub class: u16,
    /// The method within its class.
    pub method: u16,
}

macro_rules! methods {
    ($($constant:ident $class:literal $method:literal $name:literal [$($argument:ident)*];)*) => {
        impl MethodId {
            $(#[doc = $name] pub const $constant: Self = Self { class: $class, method: $method };)*

            /// Every method there is.
            pub const ALL: &'static [Self] = &[$(Self::$constant,)*];

            /// The specification's name, if there is such a method.
            pub const fn name(self) -> Option<&'static str> {
                match (self.class, self.method) { $(($class, $method) => Some($name),)* _ => None }
            }

            /// The kinds of its arguments, if there is such a method.
            pub(super) const fn signature(self) -> Option<&'static [Argument]> {
                match (self.class, self.method) { $(($class, $method) => Some(&[$($argument),*]),)* _ => None }
            }
        }
    };
}

methods! {
    CONNECTION_START            10  10 "connection.start"            [Octet Octet Table LongString LongString];
    CONNECTION_START_OK         10  11 "connection.start-ok"         [Table ShortString LongString ShortString];
    CONNECTION_SECURE           10  20 "connection.secure"           [LongString];
    CONNECTION_SECURE_OK        10  21 "connection.secure-ok"        [LongString];
    CONNECTION_TUNE             10  30 "connection.tune"             [Short Long Short];
    CONNECTION_TUNE_OK          10  31 "connection.tune-ok"          [Short Long Short];
    CONNECTION_OPEN             10  40 "connection.open"             [ShortString ShortString Bits];
    CONNECTION_OPEN_OK          10  41 "connection.open-ok"          [ShortString];
    CONNECTION_CLOSE            10  50 "connection.close"            [Short ShortString Short Short];
    CONNECTION_CLOSE_OK         10  51 "connection.close-ok"         [];
    CONNECTION_BLOCKED          10  60 "connection.blocked"          [ShortString];
    CONNECTION_UNBLOCKED        10  61 "connection.unblocked"        [];
    CONNECTION_UPDATE_SECRET    10  70 "connection.update-secret"    [LongString ShortString];
    CONNECTION_UPDATE_SECRET_OK 10  71 "connection.update-secret-ok" [];
    CHANNEL_OPEN                20  10 "channel.open"                [ShortString];
    CHANNEL_OPEN_OK             20  11 "channel.open-ok"             [LongString];
    CHANNEL_FLOW                20  20 "channel.flow"                [Bits];
    CHANNEL_FLOW_OK             20  21 "channel.flow-ok"             [Bits];
    CHANNEL_CLOSE               20  40 "channel.close"               [Short ShortString Short Short];
    CHANNEL_CLOSE_OK            20  41 "channel.close-ok"            [];
    ACCESS_REQUEST              30  10 "access.request"              [ShortString Bits];
    ACCESS_REQUEST_OK           30  11 "access.request-ok"           [Short];
    EXCHANGE_DECLARE            40  10 "exchange.declare"            [Short ShortString ShortString Bits Table];
    EXCHANGE_DECLARE_OK         40  11 "exchange.declare-ok"         [];
    EXCHANGE_DELETE             40  20 "exchange.delete"             [Short ShortString Bits];
    EXCHANGE_DELETE_OK          40  21 "exchange.delete-ok"          [];
    EXCHANGE_BIND               40  30 "exchange.bind"               [Short ShortString ShortString ShortString Bits Table];
    EXCHANGE_BIND_OK            40  31 "exchange.bind-ok"            [];
    EXCHANGE_UNBIND             40  40 "exchange.unbind"             [Short ShortString ShortString ShortString Bits Table];
    EXCHANGE_UNBIND_OK          40  51 "exchange.unbind-ok"          [];
    QUEUE_DECLARE               50  10 "queue.declare"               [Short ShortString Bits Table];
    QUEUE_DECLARE_OK            50  11 "queue.declare-ok"            [ShortString Long Long];
    QUEUE_BIND                  50  20 "queue.bind"                  [Short ShortString ShortString ShortString Bits Table];
    QUEUE_BIND_OK               50  21 "queue.bind-ok"               [];
    QUEUE_PURGE                 50  30 "queue.purge"                 [Short ShortString Bits];
    QUEUE_PURGE_OK              50  31 "queue.purge-ok"              [Long];
    QUEUE_DELETE                50  40 "queue.delete"                [Short ShortString Bits];
    QUEUE_DELETE_OK             50  41 "queue.delete-ok"             [Long];
    QUEUE_UNBIND                50  50 "queue.unbind"                [Short ShortString ShortString ShortString Table];
    QUEUE_UNBIND_OK             50  51 "queue.unbind-ok"             [];
    BASIC_QOS                   60  10 "basic.qos"                   [Long Short Bits];
    BASIC_QOS_OK                60  11 "basic.qos-ok"                [];
    BASIC_CONSUME               60  20 "basic.consume"               [Short ShortString ShortString Bits Table];
    BASIC_CONSUME_OK            60  21 "basic.consume-ok"            [ShortString];
    BASIC_CANCEL                60  30 "basic.cancel"                [ShortString Bits];
    BASIC_CANCEL_OK             60  31 "basic.cancel-ok"             [ShortString];
    BASIC_PUBLISH               60  40 "basic.publish"               [Short ShortString ShortString Bits];
    BASIC_RETURN                60  50 "basic.return"                [Short ShortString ShortString ShortString];
    BASIC_DELIVER               60  60 "basic.deliver"               [ShortString LongLong Bits ShortString ShortString];
    BASIC_GET                   60  70 "basic.get"                   [Short ShortString Bits];
    BASIC_GET_OK                60  71 "basic.get-ok"                [LongLong Bits ShortString ShortString Long];
    BASIC_GET_EMPTY             60  72 "basic.get-empty"             [ShortString];
    BASIC_ACK                   60  80 "basic.ack"                   [LongLong Bits];
    BASIC_REJECT                60  90 "basic.reject"                [LongLong Bits];
    BASIC_RECOVER_ASYNC         60 100 "basic.recover-async"         [Bits];
    BASIC_RECOVER               60 110 "basic.recover"               [Bits];
    BASIC_RECOVER_OK            60 111 "basic.recover-ok"            [];
    BASIC_NACK                  60 120 "basic.nack"                  [LongLong Bits];
    CONFIRM_SELECT              85  10 "confirm.select"              [Bits];
    CONFIRM_SELECT_OK           85  11 "confirm.select-ok"           [];
    TX_SELECT                   90  10 "tx.select"                   [];
    TX_SELECT_OK                90  11 "tx.select-ok"                [];
    TX_COMMIT                   90  20 "tx.commit"                   [];
    TX_COMMIT_OK                90  21 "tx.commit-ok"                [];
    TX_ROLLBACK                 90  30 "tx.rollback"                 [];
    TX_ROLLBACK_OK              90  31 "tx.rollback-ok"              [];
}

impl MethodId {
    /// What the two numbers take on the wire.
    pub const WIRE_BYTES: usize = 4;

    /// The numbers as they stand at the front of a payload.
    pub const fn to_wire(self) -> [u8; Self::WIRE_BYTES] {
        let ([c0, c1], [m0, m1]) = (self.class.to_be_bytes(), self.method.to_be_bytes());
        [c0, c1, m0, m1]
    }

    /// The numbers at the front of a method frame's payload, whether or not there is such a method.
    #[inline]
    pub fn of(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(payload);
        match (cursor.u16(), cursor.u16()) {
            (Some(class), Some(method)) => Ok(Self { class, method }),
            _ => Err(too_short(payload)),
        }
    }
}

/// Unreachable behind `frame::cut`, which says the same.
#[cold]
fn too_short(payload: &[u8]) -> DecodeError {
    let octets = erlang_term::pretty(payload);
    DecodeError::frame(0, format!("type 1, all octets = {octets}: unknown_frame"))
}

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}.{}", self.class, self.method),
        }
    }
}
