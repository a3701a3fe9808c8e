import StripeSandbox
import Testing
import Transport

/// One way to read what Stripe does not publish.
struct Reading: Sendable, CustomTestStringConvertible {
    let name: String
    let behaviour: SandboxBehaviour

    var testDescription: String { name }

    private static let switches: [(name: String, turn: @Sendable (inout SandboxBehaviour) -> Void)] = [
        ("strict reversals", { $0.reversal = .strict }),
        ("a fee's return in a row of its own", { $0.feeRefundRow = .separateRow }),
        ("refunds wait for balance", { $0.shortRefund = .pending }),
        ("shares rounded down", { $0.shareRounding = .down }),
        ("Stripe's fee on the application fee", { $0.platformFeeRow = .onApplicationFee }),
        ("one key in all accounts", { $0.keyScope = .platform }),
        ("instant payouts are free", { $0.instantPayoutsCost = false }),
        ("a payout's list leaves the payout out", { $0.payoutListsItself = false }),
        ("payment.created is told", { $0.paymentCreatedEvent = true }),
        ("no return_url is asked for", { $0.asksForReturnURL = false }),
        ("currencies are converted", { $0.convertsCurrencies = true }),
    ]

    /// The sandbox as it is, each switch turned alone, and all of them together.
    static let all: [Reading] = {
        var readings = [Reading(name: "as by default", behaviour: SandboxBehaviour())]
        var everything = SandboxBehaviour()
        for (name, turn) in switches {
            var behaviour = SandboxBehaviour()
            turn(&behaviour)
            turn(&everything)
            readings.append(Reading(name: name, behaviour: behaviour))
        }
        return readings + [Reading(name: "everything turned", behaviour: everything)]
    }()

    func run(_ body: @escaping @Sendable (SandboxWorld, SandboxBehaviour) async throws -> Void) async throws {
        let behaviour = behaviour
        try await SandboxWorld.run(behaviour: behaviour) { world in try await body(world, behaviour) }
    }
}

@Suite struct ReadingTests {
    @Test("Every switch of the sandbox can be turned while it runs, and is in the readings that money is tested under")
    func switches() async throws {
        try await SandboxWorld.run { world in
            let plain = try await world.control(.get, "behaviour").json
            let turned = try await world.control(
                .put, "behaviour",
                """
                {"reversal":"strict","fee_refund_row":"separate_row","short_refund":"pending","share_rounding":"down",
                "platform_fee_row":"on_application_fee","key_scope":"platform","instant_payouts_cost":false,
                "payout_lists_itself":false,"payment_created_event":true,"asks_for_return_url":false,
                "converts_currencies":true}
                """
            ).json
            // What is a number (a pause, a delay) is not one of two readings.
            let differing = turned.keys.filter { turned[$0] != plain[$0] }
            let flags = plain.keys.filter { plain[$0].int == nil && $0 != "retry_pauses" }
            #expect(Set(differing) == Set(flags))
            #expect(Reading.all.count == flags.count + 2)
            let wrong = try await world.control(.put, "behaviour", #"{"reversal":"sometimes"}"#)
            #expect(wrong.status == 400)
        }
    }
}
