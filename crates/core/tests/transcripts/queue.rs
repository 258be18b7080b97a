//! Class queue: declare, purge, delete.

use crate::check;

#[test]
fn a_declared_queue_keeps_what_is_published_to_it() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q hello
        a.1 > get q
        a.1 < get-ok #1 '' q hello left=0
        a.1 > get q
        a.1 < get-empty
        ",
    );
}
