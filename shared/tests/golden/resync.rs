//! What is said when states are compared, and when a store may have gone back in time.

use crate::downs::{down, welcome};
use crate::samples::EPOCH;
use crate::ups::{entries, hello, up, upload};
use crate::{Case, case};
use headland_shared::chain::Link;
use headland_shared::digest::Digest;
use headland_shared::epoch::Seq;
use headland_shared::kept::Kept;
use headland_shared::message::more::{
    Challenge, Doubts, Fenced, Field, Holds, Links, Reincarnate, SessionToken, StagedUnder, StoredLink, WantsProof,
};
use headland_shared::message::{Cells, Chained, Compared, Down, More, Plan, Proof, Up, Verdict};
use headland_shared::sketch::{Salt, Sketch};

const TOKEN: SessionToken = SessionToken {
    number: 12,
    random: 0xfeed_f00d,
};

fn links() -> Links {
    Links {
        prev: Some(Link(0x1122_3344_5566_7788)),
        to: Link(99),
        last_dot: 12,
    }
}

/// All fields that are told beside messages, as one list.
fn fields() -> More {
    vec![
        Holds { records: 1_594 }.to_more(),
        Doubts.to_more(),
        WantsProof.to_more(),
        TOKEN.to_more(),
        links().to_more(),
        Reincarnate {
            through: 9,
            link: Some(Link(98)),
        }
        .to_more(),
        Fenced.to_more(),
        StoredLink(Link(99)).to_more(),
        Challenge(TOKEN).to_more(),
        StagedUnder(7).to_more(),
    ]
}

fn sketch() -> Vec<u8> {
    let salt = Salt(77);
    let mut sketch = Sketch::empty(6);
    for key in [b"vision\0timm/a".as_slice(), b"vision\0timm/b"] {
        sketch.add(salt.id(key), salt.hash(Digest::of_element(key, b"e", b"s")));
    }
    let mut bytes = Vec::new();
    sketch.encode_from(0, &mut bytes);
    bytes
}

pub(crate) fn resync() -> Vec<Case> {
    let compared = |verdict| {
        Down::Compared(Compared {
            nonce: 77,
            verdict,
            more: Vec::new(),
        })
    };
    let entries: Vec<_> = entries().into_iter().map(|(_, entry)| entry).collect();
    let kept = Kept {
        salt: Salt(77),
        digest: Digest(u128::MAX - 7),
        differ: vec![5, 9_000],
        handles: vec![3, 4, 5, 2, 300],
    };
    vec![
        up("hello-more", {
            let Up::Hello(mut hello) = hello(None, None, None) else {
                unreachable!("a hello is a hello");
            };
            hello.more = fields();
            Up::Hello(hello)
        }),
        up(
            "cells",
            Up::Cells(Cells {
                nonce: 77,
                from: 0,
                cells: sketch(),
                more: Vec::new(),
            }),
        ),
        up(
            "chained",
            Up::Chained(Chained {
                upload: upload(&entries[..1]),
                more: vec![links().to_more()],
            }),
        ),
        down("welcome-compare", welcome(Plan::Compare { salt: 77, cells: 144 }, None)),
        down("compared-more", compared(Verdict::MoreCells { cells: 576 })),
        down("compared-repair", compared(Verdict::Repair { started: Seq(430) })),
        down("compared-snapshot", compared(Verdict::Snapshot { started: Seq(430) })),
        down(
            "proof",
            Down::Proof(Proof {
                epoch: EPOCH.tag(),
                base: Seq(400),
                equal: true,
                more: Vec::new(),
            }),
        ),
        case(
            "kept",
            kept,
            |kept| kept.encoded().unwrap(),
            |bytes| Kept::decode(bytes).unwrap(),
        ),
    ]
}
