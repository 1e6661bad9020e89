//! RESP2 and RESP3: the parser and the reply writer. No I/O.
