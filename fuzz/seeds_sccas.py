#!/usr/bin/env python3
"""Writes the programs that fuzz_sccas begins with: each leads to one deep state of the SCC AS.

usage: seeds_sccas.py [FOLDER]     (default: corpus/sccas beside this file)

The bytes are those of fuzz_sccas.c: the number of the operation in its table, then what that operation reads.
"""
import os
import sys

CALL, TRANSFER, REQUEST, ANSWER, ACK, PRACK, CANCEL, REPLAY, TIME, FOLLOW, ORDER, SEND_FAILED, SETTINGS, REGISTER, \
    EDIT, RAW, LOOK, IGNORE = range(18)
INVITE, BYE, UPDATE, INFO = range(4)
SPEECH, NO_SPEECH = 1, 5
ALERTING, MID_CALL, PRE_ALERTING = 1, 2, 4
RELIABLE, TERMINATES = 64, 4
REASON_503, REASON_487 = 1, 2
MS_500, S_1, S_4, S_8, S_32 = 4, 5, 7, 9, 12
# of FOLLOW
RINGS_ONLY, PROGRESS_ONLY, REFUSES, OFFER_491, OFFER_488, OFFER_SILENT, BYE_481, NO_ACK, RELIABLY = \
    1, 2, 3, 4, 8, 12, 16, 64, 128
# of ANSWER: which request, and the status by its place in the table
LAST, LAST_INVITE, LAST_UPDATE = 0, 32, 64
S180, S183, S200, S481, S487, S488, S491, S500 = 1, 2, 4, 13, 15, 16, 17, 18


def call(features=0, way=0, description=SPEECH, reliable=0):
    return [CALL, features | description << 3 | reliable, way]


def transfer(features=0, way=0, description=SPEECH, reliable=0):
    return [TRANSFER, features | description << 3 | reliable, way]


def follow(habit=0, n=31):
    return [FOLLOW, n, habit]


def request(party, method, description=0, reason=0):
    return [REQUEST, party, method, description | reason << 3]


def answer(party, which, status, how=0):
    return [ANSWER, party, which | status, how]


def time(step):
    return [TIME, step]


PLAIN = [0, 0]
TALKING = call() + follow()                                    # parties: 1 the UE, 0 the remote party
TALKING_TO_UE = call(way=TERMINATES) + follow()                # 1 the remote party, 0 the UE
RINGING = call(7, reliable=RELIABLE) + follow(RINGS_ONLY | RELIABLY)
RINGING_UE = call(7, way=TERMINATES, reliable=RELIABLE) + follow(RINGS_ONLY | RELIABLY)
# after a transfer: 2 the UE, 1 the remote party, 0 the MSC server
SEEDS = {
    "talking": TALKING + request(0, BYE) + follow(),
    "called": TALKING_TO_UE + request(1, UPDATE, SPEECH) + follow() + request(0, INVITE, 3) + follow() + request(1, BYE),
    "refused": call() + follow(REFUSES),
    "cancelled": call() + follow(RINGS_ONLY) + [CANCEL, 1, 0] + follow() + answer(0, LAST_INVITE, S487),
    "forks": call(reliable=RELIABLE) + answer(0, LAST, S180, 1 | 8) + answer(0, LAST_INVITE, S183, 1 | 8 | 64)
    + [PRACK, 1, 0] + follow() + answer(0, LAST_INVITE, S180, 128) + answer(0, LAST_INVITE, S200, 1 | 64) + follow()
    + answer(0, LAST_INVITE, S200, 1 | 128) + follow() + request(1, INVITE, 3) + follow() + request(0, BYE) + follow(),
    "hold": TALKING + request(1, INVITE, 3) + follow() + request(0, UPDATE, SPEECH) + follow() + request(1, BYE),
    "glare": TALKING + request(1, INVITE, 3) + request(0, INVITE, 3) + follow() + follow(),
    "transfer": TALKING + transfer() + follow() + time(S_8) + follow() + request(1, BYE) + follow(),
    "transfer_called": TALKING_TO_UE + transfer() + follow() + time(S_8) + follow(BYE_481) + request(0, BYE) + follow(),
    "bye_first": TALKING + request(1, BYE, 0, REASON_503) + follow() + time(S_4) + transfer() + follow()
    + request(0, INVITE, 3) + follow() + request(1, BYE) + follow(),
    "window_over": TALKING + request(1, BYE, 0, REASON_503) + follow() + time(S_8) + follow() + transfer() + follow(),
    "bye_second": TALKING + transfer() + request(2, BYE, 0, REASON_503) + follow() + time(S_8) + request(0, BYE),
    "update_491": TALKING + transfer() + follow(OFFER_491) + time(S_4) + follow() + time(S_8) + follow(),
    "update_488": TALKING + transfer() + follow(OFFER_488) + follow() + request(1, INVITE, SPEECH) + follow(),
    "update_lost": TALKING + request(1, BYE, 0, REASON_503) + transfer() + answer(1, LAST_INVITE, S481) + follow(),
    "transfer_cancelled": TALKING + transfer() + [CANCEL, 0, REASON_487] + follow() + answer(1, LAST_INVITE, S200, 1)
    + follow() + follow() + request(2, INVITE, SPEECH, REASON_487) + follow(),
    "return": TALKING + transfer() + follow() + time(S_1) + request(2, INVITE, SPEECH, REASON_487) + follow() + follow()
    + time(S_8) + transfer() + follow() + follow(),
    "return_waits": TALKING + transfer() + request(2, INVITE, SPEECH, REASON_487) + follow() + follow() + time(S_8),
    "return_refused": TALKING + transfer() + follow() + request(2, INVITE, SPEECH, REASON_487) + follow(OFFER_488)
    + follow(OFFER_491) + time(S_8) + follow(),
    "return_and_bye": TALKING + transfer() + follow() + request(2, INVITE, SPEECH, REASON_487) + request(2, BYE)
    + follow() + follow(),
    "return_meets_offer": TALKING + transfer() + follow() + request(0, INVITE, 3) + request(2, INVITE, SPEECH, REASON_487)
    + follow(n=1) + follow() + follow(),
    "return_lost": TALKING + transfer() + follow() + [IGNORE] + request(2, INVITE, SPEECH, REASON_487) + request(2, BYE)
    + answer(1, LAST_INVITE, S200, 1) + answer(1, LAST_INVITE, S491) + time(S_4) + answer(1, LAST_INVITE, S200, 1)
    + follow() + request(0, BYE) + follow(),
    "return_cancelled": TALKING + transfer() + request(2, INVITE, SPEECH, REASON_487) + [CANCEL, 2, 0] + follow(),
    "keeps_gm": TALKING + transfer() + follow() + request(2, INVITE, NO_SPEECH) + follow() + time(S_8) + follow(),
    "msc_bye_487": TALKING + transfer() + follow() + request(0, BYE, 0, REASON_487) + follow() + time(S_4)
    + request(2, INVITE, SPEECH, REASON_487) + follow(),
    "no_ack": TALKING + transfer() + follow(NO_ACK) + time(S_32) + follow(),
    "mid_call": call(MID_CALL) + follow() + time(S_1) + call(MID_CALL) + follow() + time(S_1) + call(MID_CALL) + follow()
    + transfer(MID_CALL) + follow() + follow() + time(MS_500) + transfer(MID_CALL, 2) + follow() + time(S_8) + follow(),
    "others_released": call() + follow() + time(S_1) + call() + follow() + transfer() + follow() + time(S_8) + follow(),
    "kept_not_fetched": call(MID_CALL) + follow() + time(S_1) + call(MID_CALL) + follow() + transfer(MID_CALL)
    + follow() + request(5, BYE, 0, REASON_503) + request(3, BYE, 0, REASON_503) + time(S_8) + follow(),
    "ringing_moved": RINGING + transfer(7, reliable=RELIABLE) + follow() + follow() + answer(1, LAST_INVITE, S200, 0)
    + follow() + time(S_8) + follow() + request(1, BYE) + follow(),
    "ringing_answer_first": RINGING + transfer(7, reliable=RELIABLE) + answer(1, 96, S200, 1) + answer(1, LAST_UPDATE, S200, 1)
    + follow() + time(S_8) + follow(),
    "ringing_update_fails": RINGING + transfer(7, reliable=RELIABLE) + answer(1, LAST_INVITE, S200, 1)
    + answer(1, LAST_UPDATE, S488) + follow(),
    "ue_ringing_moved": RINGING_UE + transfer(7, reliable=RELIABLE) + follow() + follow() + request(0, INFO, 0)
    + follow() + time(S_8) + follow() + answer(1, LAST_INVITE, S487) + request(0, BYE) + follow(),
    "ue_answers_moved": RINGING_UE + transfer(7, reliable=RELIABLE) + follow() + answer(1, LAST_INVITE, S200, 1)
    + follow() + request(0, INFO, 0) + follow(),
    "ringing_caller_gives_up": RINGING_UE + transfer(7, reliable=RELIABLE) + follow() + [CANCEL, 2, 0] + follow(),
    "ringing_msc_cancels": RINGING + transfer(7, reliable=RELIABLE) + follow() + [CANCEL, 0, REASON_487] + follow()
    + follow() + request(2, UPDATE, SPEECH, REASON_487) + follow(),
    "ringing_comes_back": RINGING + transfer(7, reliable=RELIABLE) + follow() + request(2, UPDATE, SPEECH, REASON_487)
    + follow() + follow() + answer(1, LAST_INVITE, S200, 1) + follow(),
    "ringing_no_prack": RINGING + transfer(7, reliable=RELIABLE) + answer(1, LAST_UPDATE, S200, 1) + [IGNORE]
    + time(S_32) + follow(),
    "ringing_cancel_503": RINGING + [CANCEL, 1, REASON_503] + follow() + transfer(7, reliable=RELIABLE) + follow()
    + follow() + answer(1, LAST_INVITE, S200, 1) + follow(),
    "ringing_500": RINGING_UE + answer(0, LAST_INVITE, S500) + time(S_4) + transfer(7, reliable=RELIABLE) + follow()
    + request(0, INFO, 0) + follow(),
    "atu_sti": TALKING + [TRANSFER, SPEECH << 3, 1 | 16, 0] + follow() + time(S_8) + follow(),
    "nobody": transfer(0, 4) + follow() + transfer(0, 12) + follow() + transfer(0, 3) + follow(),
    "operator": TALKING + transfer() + follow() + [ORDER, 2, 0] + follow() + time(S_32),
    "operator_meets_transfer": TALKING + transfer() + [ORDER, 0, 0] + follow() + follow(),
    "settings": TALKING + transfer() + [SETTINGS, 127] + follow() + [SETTINGS, 0] + time(S_8) + transfer() + follow(),
    "send_failed": TALKING + transfer() + [SEND_FAILED, 0] + follow() + request(0, BYE) + [SEND_FAILED, 0] + follow(),
    "registered": [REGISTER, 0] + follow() + TALKING + [REGISTER, 4] + follow(),
    "timer": call(way=8) + answer(0, LAST, S200, 1 | 32) + follow() + time(S_32) + [TIME, 14] + follow(),
    "edited": [EDIT, 0] + call() + [0, 200, 1, 4, 1, 2, 3, 4] + follow(),
    "tcp": call(reliable=128) + follow() + transfer(reliable=128) + follow() + time(S_8) + follow(),
    "repeated": TALKING + [REPLAY, 0, REPLAY, 2, REPLAY, 4] + transfer() + [REPLAY, 0] + follow() + [REPLAY, 0, REPLAY, 2],
}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus", "sccas")
    os.makedirs(folder, exist_ok=True)
    for name, program in SEEDS.items():
        with open(os.path.join(folder, "seed-" + name), "wb") as f:
            f.write(bytes(PLAIN + program))
    print(f"{len(SEEDS)} programs in {folder}")


if __name__ == "__main__":
    main()
