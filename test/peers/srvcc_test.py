#!/usr/bin/env python3
"""Sessions that are handed over from packet to circuit switched access (SR-VCC), with SIPp as UE, MSC server and other party: through our
S-CSCF, which is the same daemon as the SCC AS or another, and through a Kamailio as S-CSCF. Both orders of the race, cancelled transfers, the
delayed release of the source leg, and bad input."""

import queue
import threading
import time
from functools import partial
from types import SimpleNamespace

from peers import Tap, expect, expect_equal
from sip_text import Message, address_uri, new_branch, new_tag
from srvcc_peers import ATU_STI, HOST, LOST_BEARER, NO_REASON, STN_SR, Agent, Call, Network, Trio, media_port, sdp

SCSCFS = ("adieu", "second adieu", "Kamailio")
CALLING, CALLED = "calling", "called"
# The test goes on when something has come. The windows only have to be longer than a step takes on a slow machine.
WINDOW, SHORT_WINDOW, DELAY = "2s", "300ms", "1500ms"


def has_reason_503(message):
    return any(v.replace(" ", "").upper().startswith("SIP;") and "cause=503" in v for v in message.values("Reason"))


def ended(network, *calls):
    for call in calls:
        network.no_session(call.user)
        if isinstance(call, Trio):
            expect_equal(call.unasked(), [], "requests that were too many")


# ---------------------------------------------------------------- the race

# Of a call that was kept and one that was lost, for which the MSC server asked too late.
COUNTED = {"holds": 2, "holds_kept": 1, "holds_released": 1, "transfers": 1, "transfers_refused": 1}


# @req SV-20 SV-20a SV-40 SV-41 SV-42 SV-43 SV-44 SV-45 SV-46 SV-50c
# T-1 and T-2, ladders L1 and L2. The window of the second call began later than that of the first: when it is over, so is the other.
def bye_first(network, served):
    before = network.server.counters()
    kept, lost = Call(network, served), Call(network, served)
    kept.lose_bearer()
    lost.lose_bearer()
    expect_equal((kept.byes(), lost.byes()), ((0, 0), (0, 0)), "BYEs in the window")
    msc = kept.transfer()
    expect(has_reason_503(lost.remote.expect_message("BYE")), "no Reason with 503 in the BYE to the remote party")
    lost.remote.is_over()
    late = lost.due_to_stn_sr()
    late.expect_message("480 INVITE")
    late.is_over()
    expect_equal(kept.byes(), (0, 0), "BYEs in the call that was kept, after its window")
    msc.hang_up()
    msc.is_over()
    kept.remote.is_over()
    expect_equal((kept.byes(), lost.byes(), msc.byes()), ((0, 1), (0, 1), 0), "BYEs")
    after = network.server.counters()
    expect_equal({name: after[name] - before[name] for name in COUNTED}, COUNTED, "counters")
    network.why(kept.user, r"^INVITE due to STN-SR [\d.]+ s after BYE \(503\), window 2 s: kept \(TS 24\.237 §12\.3\.3\.2\)")
    network.why(lost.user, r"^No INVITE due to STN-SR within 2 s after BYE \(503\): remote leg released \(TS 24\.237 §12\.3\.3\.2\)")
    ended(network, kept, lost)


# @req SV-42 SV-46
# L2
def bye_first_and_no_invite(network, served):
    with network.setting(bye_hold=SHORT_WINDOW):
        call = Call(network, served)
        call.lose_bearer()
        expect(has_reason_503(call.remote.expect_message("BYE")), "no Reason with 503 in the BYE to the remote party")
        call.remote.is_over()
        expect_equal(call.byes(), (0, 1), "BYEs")
        network.why(call.user, r"^No INVITE due to STN-SR within 0\.3(00)? s after BYE \(503\): remote leg released")
        ended(network, call)


# @req SV-43
def no_window_at_all(network):
    with network.setting(bye_hold="0s"):
        call = Call(network, CALLING)
        call.lose_bearer()
        call.remote.expect_message("BYE")
        call.remote.is_over()
        network.why(call.user, r"^BYE \(503\) on the source access leg: not held")
        ended(network, call)


# @req SV-47
# T-4, ladder L3: the BYE comes when the transfer is complete, and while the remote party is being asked.
def invite_first(network, served):
    complete, pending = Call(network, served), Call(network, served)
    msc = complete.transfer()
    complete.lose_bearer()
    other_msc = pending.due_to_stn_sr()
    pending.remote_invite()
    pending.lose_bearer()
    expect_equal(other_msc.responses("INVITE", 200), [], "answers before the remote party's")
    pending.remote.accept(pending.n_remote_invites)
    other_msc.expect_message("200 INVITE")
    other_msc.expect_message("ACK", sent=True)
    expect_equal((complete.byes(), pending.byes()), ((0, 0), (0, 0)), "BYEs while the calls stand")
    msc.hang_up()
    msc.is_over()
    complete.remote.is_over()
    pending.remote.hang_up()
    pending.remote.is_over()
    other_msc.is_over()
    expect_equal((complete.byes(), msc.byes()), ((0, 1), 0), "BYEs to UE, remote party and MSC server, which hung up")
    expect_equal((pending.byes(), other_msc.byes()), ((0, 0), 1), "BYEs to UE, remote party, which hung up, and MSC server")
    for call in (complete, pending):
        network.why(call.user, r"^INVITE due to STN-SR [\d.]+ s after the call began: transferred to the MSC server")
        network.why(call.user, r"^BYE \(503\) of the source access leg [\d.]+ s after the INVITE due to STN-SR: only that leg ended")
    ended(network, complete, pending)


# @req SV-48
# T-3
def bye_without_503(network, served):
    call = Call(network, served, bye_line=NO_REASON)
    call.lose_bearer()
    call.remote.expect_message("BYE")
    call.remote.is_over()
    late = call.due_to_stn_sr()
    late.expect_message("480 INVITE")
    late.is_over()
    expect_equal(call.byes(), (0, 1), "BYEs")
    network.why(call.user, r"^BYE without 503 on the source access leg: not held")
    ended(network, call)


# @req SV-49
# T-5
def bye_503_of_the_remote_party(network):
    call = Trio(network)
    expect_equal(call.remote.ask("BYE", more=[("Reason", "SIP;cause=503")]), 200, "answer to the BYE of the remote party")
    call.ue.expect_bye()
    expect_equal(call.due_to_stn_sr().response().status, 480, "INVITE due to STN-SR after the end")
    ended(network, call)


# @req SV-50e
def bye_is_repeated(network):
    """By a UE that reaches the SCC AS directly, so that nobody else answers the second."""
    holds = network.server.counters()["holds"]
    call = Trio(SimpleNamespace(entry=network.sccas_port, of_msc=network.of_msc), network.user())
    bye = call.ue.send("BYE", more=[("Reason", "SIP;cause=503")])
    answers = [call.ue.response().encode()]
    call.phone.send(bye.encode(), network.sccas_port)
    answers.append(call.ue.response().encode())
    expect_equal(answers[0], answers[1], "answers to both")
    expect_equal(network.server.counters()["holds"] - holds, 1, "holds")
    leg = call.transfer()
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req SV-49
def a_call_without_speech_is_not_held(network):
    """Unless the operator says that every call is."""
    for is_held in (False, True):
        with network.setting(hold_only_if_eligible=str(not is_held).lower(), bye_hold=SHORT_WINDOW if is_held else WINDOW):
            holds = network.server.counters()["holds"]
            call = Trio(network, media="video")
            expect_equal(call.ue.ask("BYE", more=[("Reason", "SIP;cause=503")]), 200, "answer to the BYE(503)")
            call.remote.expect_bye()
            expect_equal(network.server.counters()["holds"] - holds, int(is_held), "holds")
            ended(network, call)


# @req SV-9 SV-27
def other_sessions_are_released(network):
    """The transfer takes the newer session; the older one, which nobody wants any more, ends on both its legs."""
    older = Trio(network)
    newer = Trio(network, older.user)
    leg = newer.transfer()
    byes = [older.ue.expect_bye(), older.remote.expect_bye()]
    expect(all(bye.get("Reason") for bye in byes), "no Reason in the BYEs to the other session")
    newer.ue.expect_bye()
    expect(not newer.remote.has("BYE"), "a BYE to the remote party of the session that was transferred")
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    newer.remote.expect_bye()
    ended(network, older, newer)


# @req AS-1
def released_by_the_operator(network):
    """One BYE on each of the three legs."""
    call = Trio(network)
    leg = call.transfer()
    for session in network.server.json("sessions", "--limit", "0")["sessions"]:
        expect_equal(network.server.adieu("release", session["id"], "--no-wait")[0], 0, "exit status of adieu release")
    for each in (leg, call.remote, call.ue):
        each.expect_bye()
    ended(network, call)


# @req SV-50
# T-8
def remote_party_hangs_up_in_the_window(network, served):
    call = Call(network, served)
    call.lose_bearer()
    network.why(call.user, r"^BYE \(503\) on the source access leg [\d.]+ s ago: the remote leg is held for [\d.]+ s more, window 2 s")
    call.remote.hang_up()
    call.remote.is_over()
    late = call.due_to_stn_sr()
    late.expect_message("480 INVITE")
    late.is_over()
    expect_equal(call.byes(), (0, 0), "BYEs")
    ended(network, call)


# @req SV-50a
def remote_party_renegotiates_in_the_window(network):
    """Never 481: the call still stands."""
    call = Trio(network)
    expect_equal(call.ue.ask("BYE", more=[("Reason", "SIP;cause=503")]), 200, "answer to the BYE(503)")
    expect_equal(call.remote.ask("INVITE", sdp(call.far.port)), 491, "re-INVITE of the remote party while there is no access leg")
    call.remote.send("INFO")
    answer = call.remote.response()
    expect_equal((answer.status, bool(answer.get("Retry-After"))), (500, True), "answer to another request, and its Retry-After")
    leg = call.transfer()
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req SV-6 SV-9 SV-51
# T-6
def two_sessions_and_one_invite(network):
    older = Call(network, CALLING)
    newer = Call(network, CALLING, user=older.user)
    older.lose_bearer()
    newer.lose_bearer()
    msc = newer.transfer()
    older.remote.expect_message("BYE")
    older.remote.is_over()
    expect_equal((older.byes(), newer.byes()), ((0, 1), (0, 0)), "BYEs of the older and the newer session")
    msc.hang_up()
    newer.remote.is_over()
    ended(network, newer)


# @req SV-41 SV-47
def at_the_same_instant(network):
    """Two datagrams, one behind the other, in either order: the call is kept."""
    for order in ("BYE, INVITE", "INVITE, BYE") * 3:
        call = Trio(network)
        if order.startswith("BYE"):
            call.ue.send("BYE", more=[("Reason", "SIP;cause=503")])
        leg = call.due_to_stn_sr()
        if order.startswith("INVITE"):
            call.ue.send("BYE", more=[("Reason", "SIP;cause=503")])
        call.remote.accept()
        expect_equal((call.ue.response().status, leg.response().status), (200, 200), f"answers to BYE and INVITE ({order})")
        expect(not call.remote.has("BYE"), "a BYE to the remote party")
        expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
        call.remote.expect_bye()
        ended(network, call)


# ---------------------------------------------------------------- the source leg after a transfer

# @req SV-21 SV-22 SV-23 SV-61 SV-61a SV-62
# T-10, ladders L4 and L6. The delay of the second call began later than that of the first: when it is over, so is the other.
def delayed_release_and_return(network, served):
    back, gone = Call(network, served), Call(network, served)
    msc = back.transfer()
    back.ue.come_back()
    expect_equal(media_port(back.remote_invite()), back.ue.port, "media that come back")
    expect_equal((msc.byes(), [m for m in back.ue.responses("INVITE", 200) if m.cseq > 1]), (0, []), "before the remote party has answered")
    back.remote.accept(back.n_remote_invites)
    back.ue.return_answered(200)
    msc.expect_message("BYE")
    msc.is_over()
    other_msc = gone.transfer()
    gone.ue.expect_message("BYE")
    gone.ue.is_over()
    expect_equal((back.byes(), gone.byes()), ((0, 0), (1, 0)), "BYEs when the delays are over")
    back.remote.hang_up()
    back.remote.is_over()
    back.ue.is_over()
    other_msc.hang_up()
    other_msc.is_over()
    gone.remote.is_over()
    expect_equal((back.byes(), gone.byes(), msc.byes(), other_msc.byes()), ((1, 0), (1, 1), 1, 0), "BYEs")
    network.why(back.user, r"^The UE came back [\d.]+ s after the (transfer|INVITE due to STN-SR): back on the source access leg")
    network.why(gone.user, r"^INVITE due to STN-SR [\d.]+ s after the call began: transferred to the MSC server")
    ended(network, back, gone)


# @req SV-23
# T-13
def source_leg_is_gone_already(network):
    call = Trio(network)
    leg = call.transfer()
    call.ue.expect_bye(481)
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req SV-23 RF-5
# T-11
def return_comes_too_late(network):
    call = Trio(network)
    leg = call.transfer()
    call.ue.expect_bye()
    expect_equal(call.ue.ask("INVITE", sdp(call.phone.port)), 481, "re-INVITE after the release of the source leg")
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req SV-64
# T-12
def return_is_refused(network, served):
    call = Call(network, served)
    msc = call.transfer()
    call.ue.come_back()
    call.remote_invite()
    call.remote.refuse(call.n_remote_invites)
    call.ue.return_answered(488)
    expect_equal((call.byes(), msc.byes()), ((0, 0), 0), "BYEs after the refusal")
    msc.hang_up()
    msc.is_over()
    call.remote.is_over()
    call.ue.is_over()
    expect_equal((call.byes(), msc.byes()), ((1, 1), 0), "BYEs")
    network.why(call.user, r"^The UE came back [\d.]+ s after the (transfer|INVITE due to STN-SR), but its media stayed on the target access leg")
    ended(network, call)


# @req SV-60 SV-61a SV-62
# T-9, ladder L5
def return_while_the_transfer_is_pending(network, served):
    call = Call(network, served)
    msc = call.due_to_stn_sr()
    first = call.remote_invite()
    call.ue.come_back()
    call.ue.return_answered(100)
    expect_equal(call.remote.requests("INVITE")[-1].cseq, first.cseq, "re-INVITEs to the remote party while one is pending")
    call.remote.accept(call.n_remote_invites)
    msc.expect_message("200 INVITE")
    expect_equal(media_port(call.remote_invite()), call.ue.port, "media that come back")
    call.remote.accept(call.n_remote_invites)
    call.ue.return_answered(200)
    msc.expect_message("BYE")
    msc.is_over()
    call.remote.hang_up()
    call.remote.is_over()
    call.ue.is_over()
    expect_equal((call.byes(), msc.byes()), ((1, 0), 1), "BYEs")
    network.why(call.user, r"^The UE came back [\d.]+ s after the INVITE due to STN-SR: back on the source access leg")
    ended(network, call)


# @req SV-60 SV-63 SV-72a
def cancelled(network, served):
    """The MSC server gives up while the remote party is being asked, and the UE comes back."""
    call = Call(network, served)
    msc = call.due_to_stn_sr()
    call.remote_invite()
    call.ue.come_back()
    call.ue.return_answered(100)
    msc.cancel()
    call.remote.expect_message("CANCEL")
    call.remote.withdraw(call.n_remote_invites)
    msc.expect_message("487 INVITE")
    msc.is_over()
    expect_equal(media_port(call.remote_invite()), call.ue.port, "media that come back")
    call.remote.accept(call.n_remote_invites)
    call.ue.return_answered(200)
    expect_equal(call.byes(), (0, 0), "BYEs of a cancelled transfer")
    call.remote.hang_up()
    call.remote.is_over()
    call.ue.is_over()
    expect_equal((call.byes(), msc.byes()), ((1, 0), 0), "BYEs")
    network.why(call.user, r"^INVITE due to STN-SR .* but the MSC server cancelled it: the call stayed on the source access leg")
    ended(network, call)


# @req SV-50b SV-72a
def cancelled_in_the_window(network):
    """The deadline stays what it was: a second INVITE in time is served, without one the remote leg is released. The remote party answers what
    is withdrawn with 487, or with a 200 that crosses the CANCEL."""
    for is_retried, status in ((True, 487), (True, 200), (False, 487), (False, 200)):
        call = Trio(network)
        expect_equal(call.ue.ask("BYE", more=[("Reason", "SIP;cause=503")]), 200, "answer to the BYE(503)")
        leg = call.due_to_stn_sr()
        update = call.remote.expect_request("INVITE")
        call.remote.answer(update, 100)
        leg.cancel()
        expect_equal(leg.response("CANCEL").status, 200, "answer to the CANCEL")
        call.remote.answer(call.remote.expect_request("CANCEL"), 200)
        call.remote.answer(update, status, sdp(call.far.port) if status == 200 else b"")
        call.remote.expect_request("ACK")
        expect_equal(leg.response().status, 487, "answer to the INVITE")
        call.remote.ask("INFO")  # it follows the answer on its way, and is answered after it
        if is_retried:
            leg = call.transfer()
            expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
        expect_equal(has_reason_503(call.remote.expect_bye()), not is_retried, "Reason with 503 in the BYE to the remote party")
        ended(network, call)


# @req SV-20b SV-50b
def asked_again_before_the_answer(network):
    """The MSC server tries again while the remote party still owes its answer to what was withdrawn: the second transfer waits for it
    (docs/adr/0030)."""
    call = Trio(network)
    expect_equal(call.ue.ask("BYE", more=[("Reason", "SIP;cause=503")]), 200, "answer to the BYE(503)")
    leg = call.due_to_stn_sr()
    update = call.remote.expect_request("INVITE")
    call.remote.answer(update, 100)
    leg.cancel()
    expect_equal(leg.response("CANCEL").status, 200, "answer to the CANCEL")
    call.remote.answer(call.remote.expect_request("CANCEL"), 200)
    expect_equal(leg.response().status, 487, "answer to the first INVITE")
    leg = call.due_to_stn_sr()
    expect_equal(leg.response(provisional=True).status, 100, "response to the second INVITE")
    call.remote.answer(update, 487)
    call.remote.accept()
    expect_equal(leg.response().status, 200, "answer to the second INVITE")
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req SV-72a
def cancelled_when_the_remote_party_has_answered(network):
    """Its 200 crosses the CANCEL, and the UE stays: the remote party gets the media of the UE back."""
    call = Trio(network)
    leg = call.due_to_stn_sr()
    update = call.remote.expect_request("INVITE")
    call.remote.answer(update, 100)
    leg.cancel()
    expect_equal(leg.response("CANCEL").status, 200, "answer to the CANCEL")
    call.remote.answer(call.remote.expect_request("CANCEL"), 200)
    call.remote.answer(update, 200, sdp(call.far.port))
    call.remote.expect_request("ACK")
    expect_equal(leg.response().status, 487, "answer to the INVITE")
    expect_equal(media_port(call.remote.accept()), call.phone.port, "media that the remote party gets back")
    expect_equal(call.ue.ask("BYE"), 200, "the UE hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req SV-66 SV-66a
def msc_server_lets_go(network):
    """BYE with 487 on the target leg: the remote leg waits for the UE, which comes back or does not."""
    for comes_back in (True, False):
        call = Trio(network)
        leg = call.transfer()
        expect_equal(leg.ask("BYE", more=[("Reason", 'SIP;cause=487;text="handover cancelled"')]), 200, "answer to the BYE of the MSC server")
        if comes_back:
            call.ue.send("INVITE", sdp(call.phone.port))
            expect_equal(media_port(call.remote.accept()), call.phone.port, "media that come back")
            expect_equal(call.ue.response().status, 200, "answer to the UE that came back")
            expect(not call.remote.has("BYE"), "a BYE to the remote party")
            expect_equal(call.ue.ask("BYE"), 200, "the UE hangs up")
        else:
            call.ue.expect_bye()
        call.remote.expect_bye()
        ended(network, call)


# @req SV-24a
def speech_stays_away(network):
    """A re-INVITE of the UE without speech, after the transfer, is refused and changes nothing."""
    call = Trio(network)
    leg = call.transfer()
    expect_equal(call.ue.ask("INVITE", sdp(0)), 488, "re-INVITE with speech at port 0")
    call.ue.expect_bye()
    expect(not call.remote.has("INVITE"), "the remote party has been asked")
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req SV-60a
def answer_that_the_msc_server_never_acknowledges(network):
    call = Trio(network)
    leg = call.due_to_stn_sr()
    call.remote.accept()
    call.msc.receive(lambda m: not m.is_request and m.status == 200, "the answer to the INVITE due to STN-SR")
    for each in (leg, call.remote, call.ue):
        each.expect_bye()
    ended(network, call)


# @req SV-67
def target_leg_is_gone_already(network):
    call = Trio(network)
    leg = call.transfer()
    call.ue.send("INVITE", sdp(call.phone.port))
    call.remote.accept()
    expect_equal(call.ue.response().status, 200, "answer to the UE that came back")
    leg.expect_bye(481)
    expect_equal(call.ue.ask("BYE"), 200, "the UE hangs up")
    call.remote.expect_bye()
    ended(network, call)


# ---------------------------------------------------------------- messages that cross on a leg

# @req RC-1a RC-22a RC-14a
def byes_cross(network):
    """Those of the operator and of all three peers, one with a body that nobody knows."""
    call = Trio(network)
    legs = (call.transfer(), call.remote, call.ue)
    for session in network.server.json("sessions", "--limit", "0")["sessions"]:
        network.server.adieu("release", session["id"], "--no-wait")
    byes = [leg.expect_request("BYE") for leg in legs]
    for leg in legs:
        leg.send("BYE", b"?", [("Content-Disposition", "render;handling=required")])
    expect_equal([leg.response().status for leg in legs], [200, 200, 200], "answers to the BYEs of the peers")
    for leg, bye in zip(legs, byes):
        leg.answer(bye, 200)
    ended(network, call)


# @req RC-3b RC-4
def remote_party_hangs_up_instead_of_answering(network):
    call = Trio(network)
    leg = call.due_to_stn_sr()
    update = call.remote.expect_request("INVITE")
    expect_equal(call.remote.ask("BYE"), 200, "answer to the BYE")
    call.ue.expect_bye()
    expect(leg.response().status in (480, 487), "answer to the INVITE due to STN-SR")
    call.remote.answer(update, 200, sdp(call.far.port))
    call.remote.expect_request("ACK")
    ended(network, call)


# @req RF-5a RC-3b RC-4
def ue_hangs_up_before_its_offer_is_answered(network):
    call = Trio(network)
    offer = call.ue.send("INVITE", sdp(call.phone.port, direction="sendonly"))
    update = call.remote.expect_request("INVITE")
    expect_equal(call.ue.ask("BYE"), 200, "answer to the BYE")
    call.remote.expect_bye()
    call.ue.last = offer
    expect_equal(call.ue.response().status, 487, "answer to the re-INVITE")
    call.remote.answer(update, 200, sdp(call.far.port, direction="recvonly"))
    call.remote.expect_request("ACK")
    ended(network, call)


# @req RC-6a
def bye_before_the_answer(network):
    user, phone, far = network.user(), Agent(), Agent()
    ue = phone.invite(network.entry, f"sip:remote@{HOST}:{far.port}", user.identity, f"sip:{HOST}:{network.entry};lr;orig")
    remote = far.called()
    remote.answer(remote.invited, 180)
    ringing = phone.receive(lambda m: not m.is_request and m.status == 180, "180")
    early, invite = ue.early(ringing), ue.last
    expect_equal(early.ask("BYE"), 200, "answer to the BYE")
    remote.answer(remote.expect_request("CANCEL"), 200)
    remote.answer(remote.invited, 487)
    ue.last = invite
    expect_equal(ue.response().status, 487, "answer to the INVITE")
    network.no_session(user)


# @req RC-5a RC-9a
def answer_crosses_the_cancel(network):
    """The UE cancels, the remote party answers: the answer goes nowhere, and the remote party gets ACK and BYE."""
    user, phone, far = network.user(), Agent(), Agent()
    ue = phone.invite(network.entry, f"sip:remote@{HOST}:{far.port}", user.identity, f"sip:{HOST}:{network.entry};lr;orig")
    remote = far.called()
    remote.answer(remote.invited, 180)
    phone.receive(lambda m: not m.is_request and m.status == 180, "180")
    ue.cancel()
    expect_equal(ue.response("CANCEL").status, 200, "answer to the CANCEL")
    cancel = remote.expect_request("CANCEL")
    remote.answer(remote.invited, 200, sdp(far.port))
    remote.answer(cancel, 200)
    remote.expect_request("ACK")
    remote.expect_bye()
    expect_equal(ue.response().status, 487, "answer to the INVITE")
    network.no_session(user)


# @req RC-7c
def msc_server_hangs_up_before_its_ack(network):
    call = Trio(network)
    leg = call.due_to_stn_sr()
    call.remote.accept()
    answer = call.msc.receive(lambda m: not m.is_request and m.status == 200, "the answer to the INVITE due to STN-SR")
    expect_equal(leg.confirmed_by(answer).ask("BYE"), 200, "answer to the BYE")
    call.remote.expect_bye()
    call.ue.expect_bye()
    ended(network, call)


# @req RC-5a
def cancel_after_the_answer(network):
    call = Trio(network)
    leg = call.due_to_stn_sr()
    call.remote.accept()
    answer = call.msc.receive(lambda m: not m.is_request and m.status == 200, "the answer to the INVITE due to STN-SR")
    leg.cancel()
    expect_equal(leg.response("CANCEL").status, 200, "answer to the CANCEL")
    leg.acknowledge(answer)
    call.ue.expect_bye()
    expect(not call.remote.has("BYE"), "a BYE to the remote party")
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    ended(network, call)


# @req RC-10d
def request_that_a_bye_has_overtaken(network):
    call = Trio(network)
    call.ue.cseq += 1  # the UPDATE's, which comes late
    expect_equal(call.ue.ask("BYE"), 200, "answer to the BYE")
    late = call.ue.send("UPDATE", sdp(call.phone.port), cseq=call.ue.cseq - 1)
    call.ue.last = late
    expect_equal(call.ue.response().status, 481, "answer to what was overtaken")
    call.remote.expect_bye()
    ended(network, call)


# ---------------------------------------------------------------- anchoring, and the ATCF

# @req AS-2 AS-2a
def anchored(network):
    """Two dialogs that know nothing of each other, of which the SCC AS is an end."""
    call = Trio(network)
    invite = call.remote.invited
    for text in (call.ue.call_id, call.ue.own.rpartition("tag=")[2], call.ue.peer.rpartition("tag=")[2]):
        expect(text not in invite.encode().decode(), f"{text} of the UE's dialog in the INVITE to the remote party")
    expect_equal(invite.get("P-Served-User"), None, "P-Served-User")
    expect_equal(address_uri(invite.get("Contact")), f"sip:{HOST}:{network.sccas_port}", "Contact of the remote leg")
    expect_equal(call.ue.target, f"sip:{HOST}:{network.sccas_port}", "Contact of the source leg")
    for routes in (call.ue.routes, call.remote.routes):
        expect(routes and not any(f":{network.sccas_port}" in r for r in routes), f"the route set has the SCC AS, or not the S-CSCF: {routes}")
    expect_equal(call.ue.ask("BYE"), 200, "the UE hangs up")
    call.remote.expect_bye()
    ended(network, call)


def of_atcf(call, body):
    """INVITE due to ATU-STI with the dialog of the source leg."""
    dialog = f"{call.ue.call_id};local-tag={call.ue.peer.rpartition('tag=')[2]};remote-tag={call.ue.own.rpartition('tag=')[2]}"
    return call.due_to_stn_sr(ATU_STI, body=body, more=[("Target-Dialog", dialog), ("Require", "tdialog")])


# @req SV-4 SV-5 SV-82a
def through_an_atcf(network, is_moved):
    """Media that stay where they are need no update of the remote leg, others do; also when a BYE(503) came before."""
    for is_lost_before in (False, True):
        call = Trio(network)
        if is_lost_before:
            expect_equal(call.ue.ask("BYE", more=[("Reason", "SIP;cause=503")]), 200, "answer to the BYE(503)")
        leg = of_atcf(call, sdp(call.msc.port if is_moved else call.phone.port))
        if is_moved:
            expect_equal(media_port(call.remote.accept()), call.msc.port, "media of the remote leg update")
        answer = leg.response()
        expect_equal((answer.status, media_port(answer)), (200, call.far.port), "answer to the INVITE due to ATU-STI")
        expect_equal(call.remote.has("INVITE"), False, "whether the remote party was asked")
        expect_equal(leg.ask("BYE"), 200, "the ATCF ends the call")
        call.remote.expect_bye()
        if not is_lost_before:
            call.ue.expect_bye()
        ended(network, call)


# ---------------------------------------------------------------- the real window

# @req SV-22 SV-43
def real_times(network):
    """The recommended 8 s of the window, and as many for the delayed release."""
    kept, lost, moved = (Call(network, CALLING) for _ in range(3))
    msc_of_moved = moved.transfer()
    transferred = time.monotonic()
    kept.lose_bearer()
    before = time.monotonic()
    lost.lose_bearer()
    after = time.monotonic()
    msc = kept.transfer()
    moved.ue.expect_message("BYE")
    delay_s = time.monotonic() - transferred
    lost.remote.expect_message("BYE")
    now = time.monotonic()
    expect(now - before > 8 and now - after < 10, f"the window was between {now - before:.3f} s and {now - after:.3f} s")
    expect(7 < delay_s < 10, f"the source leg was released after {delay_s:.3f} s")
    lost.remote.is_over()
    moved.ue.is_over()
    expect_equal((kept.byes(), lost.byes(), moved.byes()), ((0, 0), (0, 1), (1, 0)), "BYEs after 8 s")
    for end in (msc, msc_of_moved):
        end.hang_up()
        end.is_over()
    kept.remote.is_over()
    moved.remote.is_over()
    network.why(kept.user, r"^INVITE due to STN-SR [\d.]+ s after BYE \(503\), window 8 s: kept")
    network.why(lost.user, r"^No INVITE due to STN-SR within 8 s after BYE \(503\)")
    ended(network, kept, lost, moved)


# ---------------------------------------------------------------- Reason, RFC 3326

HELD = [
    ["SIP;cause=503"],
    ["SIP ;cause=503"],
    ["Sip ; cause = 503"],
    ["SIP;CAUSE=503"],
    ['sip;text="x";cause=503'],
    ['SIP;cause=503;text="SIP;cause=480"'],
    ["FAILURE_CAUSE;cause=2, SIP;cause=503"],
    ["SIP;cause=503,FAILURE_CAUSE;cause=2"],
    ["RELEASE_CAUSE;cause=3", "SIP;cause=503"],
    ['SIP;text="a, b";cause=503'],
    ['Q.850;cause=41;text="x, SIP;cause=480", SIP;cause=503'],
    ['SIP;text="say \\"SIP;cause=480\\", now";cause=503'],
    ["SIP\r\n ;cause=503"],
]
NOT_HELD = [
    [],
    [""],
    ["SIP"],
    ["SIP;cause="],
    ["SIP;cause=480"],
    ["SIP;cause=5031"],
    ["SIP;cause=50"],
    ["SIP;xcause=503"],
    ["SIPS;cause=503"],
    [";cause=503"],
    ["cause=503"],
    ["Q.850;cause=503"],
    ["RELEASE_CAUSE;cause=1"],
    ['SIP;text="cause=503"'],
    ['SIP;text="x, SIP;cause=503"'],
    ['"SIP;cause=503"'],
    ['SIP;text="never closed;cause=503'],
    [",,,;;;==="],
    ["SIP;cause=480;text=" + '"' + "x" * 400 + '"'],
]


# @req SV-48 SV-52 RF-12
# T-7
def reasons(network):
    for is_held, spellings in ((True, HELD), (False, NOT_HELD)):
        user = network.user()
        for values in spellings:
            call = Trio(network, user)
            expect_equal(call.ue.ask("BYE", more=[("Reason", v) for v in values]), 200, f"answer to a BYE with Reason {values}")
            if is_held:
                leg = call.transfer()
                expect(not call.remote.has("BYE"), f"a BYE to the remote party, of {values}")
                expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
            call.remote.expect_bye()
            if not is_held:
                expect_equal(call.due_to_stn_sr().response().status, 480, f"INVITE due to STN-SR after a BYE with Reason {values}")
            ended(network, call)
            call.kill()


# ---------------------------------------------------------------- bad input

# @req SV-1 SV-2 SV-4 SV-5 SV-8 SV-8a SV-8b RF-17a
def refused(network):
    """What cannot be transferred gets a clear answer, and the call goes on."""
    call, nobody, agent = Trio(network), network.user(), Agent()
    route = f"sip:{HOST}:{network.of_msc};lr"
    invite = partial(agent.invite, network.of_msc)
    known = f"tel:{call.user.c_msisdn}"

    wrong = []

    def is_refused(what, status, leg):
        found = leg.response().status
        if found != status:
            wrong.append(f"{what}: {found}, expected {status}")

    stn_sr = f"tel:{STN_SR}"
    is_refused("without P-Asserted-Identity", 400, invite(stn_sr, None, route))
    for value in ("<tel:>", "<tel:abc>", "<<tel:+491>", "nonsense", "", "<sip:@>"):
        is_refused(f"P-Asserted-Identity: {value}", 400, invite(stn_sr, None, route, more=[("P-Asserted-Identity", value)]))
    is_refused("an unknown user", 404, invite(stn_sr, "tel:+4917299999999", route))
    is_refused("a known user without a session", 480, invite(stn_sr, f"tel:{nobody.c_msisdn}", route))
    is_refused("an unknown STN-SR", 404, invite("tel:+4916009999", known, route))
    is_refused("no audio", 488, invite(stn_sr, known, route, body=sdp(agent.port, "video")))
    is_refused("audio switched off", 488, invite(stn_sr, known, route, body=sdp(0)))
    is_refused("an SDP that is none", 488, invite(stn_sr, known, route, body=b"nonsense"))
    is_refused("no SDP at all", 488, invite(stn_sr, known, route, body=b""))
    if network.scscf != "Kamailio":  # which knows nothing of this address
        for value, status in ((";;;", 400), ("{}", 400), ("{};local-tag=;remote-tag=", 400), ("{};local-tag=x;remote-tag=y", 480)):
            is_refused(f"Target-Dialog: {value}", status, invite(ATU_STI, known, route, more=[("Target-Dialog", value.format(call.ue.call_id))]))
        is_refused("Target-Dialog of nobody", 480, invite(ATU_STI, known, route, more=[
            ("Target-Dialog", f"{new_tag()}@{HOST};local-tag=a;remote-tag=b"), ("Require", "tdialog")]))
    expect_equal(wrong, [], "what was answered otherwise")
    expect(not call.remote.has("INVITE"), "the remote party has been asked")
    leg = call.transfer()
    expect_equal(leg.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    call.ue.expect_bye()
    ended(network, call)


# @req AS-2c RF-17a
def refused_though_there_is_a_session(network):
    for uri, line, status in ((f"tel:{STN_SR}", ("Require", "teleportation"), 420), (ATU_STI, ("Target-Dialog", ""), 400)):
        call = Trio(network)
        answer = call.due_to_stn_sr(uri, more=[line]).response()
        expect_equal((answer.status, call.remote.has("INVITE")), (status, False), f"answer to an INVITE with {line}, and whether it was taken up")
        if status == 420:
            expect_equal(answer.get("Unsupported"), "teleportation", "Unsupported")
        expect_equal(call.ue.ask("BYE"), 200, "the UE hangs up")
        call.remote.expect_bye()
        ended(network, call)


# @req RF-5 RF-10 SV-70a
def of_no_dialog(network):
    """Straight to the SCC AS."""
    agent = Agent()

    def ask(method, cseq=1, tag=None, uri=f"sip:{HOST}:{network.sccas_port}"):
        branch = new_branch()
        message = Message(f"{method} {uri} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {HOST}:{agent.port};branch={branch}"), ("Max-Forwards", "70"),
            ("From", f"<sip:msc@ims.example>;tag={new_tag()}"),
            ("To", f"<tel:{STN_SR}>" + (f";tag={tag}" if tag else "")), ("Call-ID", f"{new_tag()}@{HOST}"), ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{HOST}:{agent.port}>")])
        agent.send(message.encode(), network.sccas_port)
        return agent.receive(lambda m: not m.is_request and m.branch == branch and m.status >= 200, f"an answer to {method}").status

    expect_equal(ask("CANCEL"), 481, "a CANCEL of nothing")
    for method in ("BYE", "INVITE", "UPDATE", "PRACK", "INFO"):
        expect_equal(ask(method, tag="x"), 481, f"{method} of no dialog")
    expect_equal(ask("OPTIONS"), 200, "OPTIONS")
    expect_equal(ask("OPTIONS", uri=f"tel:{STN_SR}"), 200, "OPTIONS to the STN-SR")


# @req SV-8b AS-2b
def from_an_address_that_is_not_trusted(network):
    stranger = Agent("127.0.0.2")
    leg = stranger.invite(network.sccas_port, f"tel:{STN_SR}", f"tel:{network.user().c_msisdn}", f"sip:{HOST}:{network.sccas_port};lr")
    expect_equal(leg.response().status, 403, "INVITE due to STN-SR of a stranger")


PARALLEL = 20


# @req SV-8a SV-8c
def many_at_once(network):
    """INVITEs due to STN-SR for one user with one session: one of them gets it."""
    call = Trio(network)
    legs = [call.due_to_stn_sr() for _ in range(PARALLEL)]
    losers = call.msc.statuses_until(legs, PARALLEL - 1)
    expect_equal([s for s, _ in losers], [480] * (PARALLEL - 1), "answers to all but one")
    call.remote.accept()
    winner = next(leg for leg in legs if leg not in [l for _, l in losers])
    expect_equal(winner.response().status, 200, "answer to the one")
    expect(not call.remote.has("INVITE") and not call.remote.has("BYE"), "more requests to the remote party than one re-INVITE")
    expect_equal(winner.ask("BYE"), 200, "the MSC server hangs up")
    call.remote.expect_bye()
    call.ue.expect_bye()
    ended(network, call)


# ---------------------------------------------------------------- all of them

def both(name, test):
    return [(f"{name}, user is {served}", partial(test, served=served)) for served in (CALLING, CALLED)]


# Those that leave a refused INVITE behind come first: it is remembered for 33 s (Timer D).
EVERYWHERE = [
    ("anchored", anchored),
    *both("transfer cancelled while it is pending", cancelled),
    *both("return refused by the remote party", return_is_refused),
    *both("BYE first, INVITE in time and too late", bye_first),
    *both("BYE first, no INVITE", bye_first_and_no_invite),
    *both("INVITE first, then BYE(503)", invite_first),
    *both("delayed source release, and return before it", delayed_release_and_return),
    *both("return while the transfer is pending", return_while_the_transfer_is_pending),
    *both("BYE without 503", bye_without_503),
    *both("remote party hangs up in the window", remote_party_hangs_up_in_the_window),
    ("two sessions and one INVITE", two_sessions_and_one_invite),
    ("at the same instant", at_the_same_instant),
    ("INVITEs due to STN-SR that are refused", refused),
    ("20 INVITEs due to STN-SR at once", many_at_once),
    ("spellings of Reason", reasons),
]
ONCE = [
    ("BYE before the answer", bye_before_the_answer),
    ("answer crosses the CANCEL", answer_crosses_the_cancel),
    ("asked again before the answer", asked_again_before_the_answer),
    ("cancelled when the remote party has answered", cancelled_when_the_remote_party_has_answered),
    ("remote party renegotiates in the window", remote_party_renegotiates_in_the_window),
    ("remote party hangs up instead of answering", remote_party_hangs_up_instead_of_answering),
    ("UE hangs up before its offer is answered", ue_hangs_up_before_its_offer_is_answered),
    ("speech stays away", speech_stays_away),
    ("return comes too late", return_comes_too_late),
    ("cancelled in the window", cancelled_in_the_window),
    ("through an ATCF, media stay", partial(through_an_atcf, is_moved=False)),
    ("through an ATCF, media move", partial(through_an_atcf, is_moved=True)),
    ("MSC server lets go", msc_server_lets_go),
    ("answer that the MSC server never acknowledges", answer_that_the_msc_server_never_acknowledges),
    ("BYE(503) of the remote party", bye_503_of_the_remote_party),
    ("source leg is gone already", source_leg_is_gone_already),
    ("target leg is gone already", target_leg_is_gone_already),
    ("BYEs cross", byes_cross),
    ("MSC server hangs up before its ACK", msc_server_hangs_up_before_its_ack),
    ("CANCEL after the answer", cancel_after_the_answer),
    ("request that a BYE has overtaken", request_that_a_bye_has_overtaken),
    ("no window at all", no_window_at_all),
    ("BYE is repeated", bye_is_repeated),
    ("a call without speech is not held", a_call_without_speech_is_not_held),
    ("other sessions are released", other_sessions_are_released),
    ("released by the operator", released_by_the_operator),
    ("refused though there is a session", refused_though_there_is_a_session),
    ("requests of no dialog", of_no_dialog),
    ("from an address that is not trusted", from_an_address_that_is_not_trusted),
]


class Run(threading.Thread):
    """One network and its tests, one after the other; (name, what is wrong or None) go into the queue, at last None."""

    def __init__(self, results, where, cases, scscf, **settings):
        super().__init__(daemon=True)
        self.results, self.where, self.cases, self.scscf, self.settings = results, where, cases, scscf, settings

    def report(self, name, test, network=None):
        try:
            test()
        except Exception as why:  # a test that cannot run has failed
            more = f"\n{network.ladders()}" if network else ""
            self.results.put((f"{self.where}: {name}", f"{type(why).__name__}: {why}{more}"))
            if network:
                network.release_all()
        else:
            self.results.put((f"{self.where}: {name}", None))

    def run(self):
        network = None
        try:
            network = Network(self.scscf, **self.settings)
            for name, test in self.cases:
                self.report(name, partial(test, network), network)
            self.report("nothing is left", network.nothing_left, network)
        except Exception as why:
            self.results.put((f"{self.where}: all of them", f"{type(why).__name__}: {why}"))
        finally:
            if network:
                self.report("the daemons stop cleanly", lambda: expect_equal(set(network.stop()), {0}, "exit statuses"))
            self.results.put(None)


def main():
    tap, results = Tap(), queue.Queue()
    own = {"bye_hold": WINDOW, "source_release_delay": DELAY}
    more = "trusted: [127.0.0.1/32]\n"
    runs = [Run(results, "the real times", [("8 s", real_times)], "adieu"), Run(results, "corner cases", ONCE, "second adieu", more=more, **own)]
    runs += [Run(results, f"S-CSCF is {scscf}", EVERYWHERE, scscf, more=more, **own) for scscf in SCSCFS]
    for run in runs:
        run.start()
    for _ in runs:
        while result := results.get():
            name, wrong = result
            tap.ok(not wrong, name, wrong or "")
    for run in runs:
        run.join()
    tap.end()


if __name__ == "__main__":
    main()
