import FoundationEssentials
import StripeSandbox
import Testing
import Transport

/// The sandbox against itself: whatever is asked in whatever order, its books add up.
@Suite struct InvariantTests {
    /// A random operation on a small marketplace; refusals are welcome, they must only change nothing.
    private struct Operations {
        var random: SystemlessGenerator
        var sellers: [String]
        var intents: [String] = []
        /// Charges that a seller made, with their account.
        var direct: [(charge: String, seller: String)] = []

        mutating func step(_ world: SandboxWorld) async throws -> String {
            let seller = sellers.randomElement(using: &random) ?? ""
            let amount = Int64.random(in: 100...50_000, using: &random)
            let intent = intents.randomElement(using: &random) ?? "pi_none"
            switch Int.random(in: 0..<14, using: &random) {
            case 10, 11: return try await chargeDirectly(world, seller, amount)
            case 12, 13: return try await giveBackDirectly(world, amount)
            case 0...3:
                let fee = Int64.random(in: 0...amount, using: &random)
                let answer = try await world.send(
                    .post, "/v1/payment_intents",
                    [
                        ("amount", String(amount)), ("currency", "usd"), ("payment_method", "pm_card_visa"),
                        ("confirm", "true"), ("return_url", "https://shop.example"),
                        ("transfer_data[destination]", seller), ("application_fee_amount", String(fee)),
                        ("capture_method", Bool.random(using: &random) ? "automatic" : "automatic_async"),
                    ])
                intents.append(answer.json.id)
                return "charge \(amount) fee \(fee)"
            case 4, 5:
                let part = Int64.random(in: 1...amount, using: &random)
                _ = try await world.send(
                    .post, "/v1/refunds",
                    [("payment_intent", intent), ("amount", String(part))]
                        + (Bool.random(using: &random)
                            ? [("reverse_transfer", "true"), ("refund_application_fee", "true")] : []))
                return "refund \(part) of \(intent)"
            case 6:
                _ = try await world.send(
                    .post, "/v1/refunds", [("payment_intent", intent), ("reverse_transfer", "true")])
                return "refund the rest of \(intent)"
            case 7:
                _ = try await world.send(
                    .post, "/v1/transfers", [("amount", String(amount)), ("currency", "usd"), ("destination", seller)])
                return "transfer \(amount)"
            case 8:
                _ = try await world.send(
                    .post, "/v1/payouts", [("amount", String(amount)), ("currency", "usd")], account: seller)
                return "payout \(amount)"
            default:
                let hours = Int64.random(in: 1...60, using: &random)
                try await world.control(.post, "clock/advance", #"{"seconds":\#(hours * 3600)}"#)
                return "advance \(hours) h"
            }
        }

        private mutating func chargeDirectly(_ world: SandboxWorld, _ seller: String, _ amount: Int64) async throws
            -> String
        {
            let fee = Int64.random(in: 0...amount, using: &random)
            let isManual = Bool.random(using: &random)
            let made = try await world.send(
                .post, "/v1/payment_intents",
                [
                    ("amount", String(amount)), ("currency", "usd"), ("payment_method", "pm_card_visa"),
                    ("confirm", "true"), ("return_url", "https://shop.example"),
                    ("application_fee_amount", String(fee)),
                    ("capture_method", isManual ? "manual" : "automatic"),
                ], account: seller)
            if isManual {
                let part = Int64.random(in: 1...amount, using: &random)
                _ = try await world.send(
                    .post, "/v1/payment_intents/\(made.json.id)/capture", [("amount_to_capture", String(part))],
                    account: seller)
            }
            direct.append((charge: made.json["latest_charge"].string ?? "", seller: seller))
            return "direct charge \(amount) fee \(fee)\(isManual ? ", captured in part" : "")"
        }

        private mutating func giveBackDirectly(_ world: SandboxWorld, _ amount: Int64) async throws -> String {
            guard let (charge, seller) = direct.randomElement(using: &random) else { return "nothing" }
            let part = Int64.random(in: 1...amount, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let fees = try await world.get("/v1/application_fees", [("charge", charge)])["data"].array
                _ = try await world.send(
                    .post, "/v1/application_fees/\(fees.first?.id ?? "fee_none")/refunds", [("amount", String(part))])
                return "give back \(part) of the fee of \(charge)"
            case 1:
                try await world.control(.post, "charges/\(charge)/dispute", "{}")
                return "dispute \(charge)"
            default:
                let feeToo = Bool.random(using: &random)
                _ = try await world.send(
                    .post, "/v1/refunds",
                    [("charge", charge), ("amount", String(part))]
                        + (feeToo ? [("refund_application_fee", "true")] : []),
                    account: seller)
                return "refund \(part) of \(charge)\(feeToo ? " with its fee" : "")"
            }
        }
    }

    @Test(
        "The nets of all rows are the balance, available and pending, and no row ever changes but for its status",
        arguments: Array(Reading.all.enumerated()).map { (UInt64($0.offset + 1), $0.element) })
    func netsAreBalances(seed: UInt64, reading: Reading) async throws {
        var behaviour = reading.behaviour
        // Charges are completed by the clock's moves and by refunds only, never between two readings.
        behaviour.enrichmentMilliseconds = 600_000
        try await SandboxWorld.run(seed: seed, behaviour: behaviour) { world in
            var operations = Operations(random: SystemlessGenerator(state: seed), sellers: [])
            for _ in 0..<2 { operations.sellers.append(try await world.seller()) }
            var known: [String: JSON] = [:]
            for step in 1...30 {
                let what = try await operations.step(world)
                let books = try await world.control(.get, "books").json
                for account in books["accounts"].array {
                    let id = account["account"].string ?? ""
                    let acting = account["is_platform"] == .bool(true) ? nil : id
                    let place = "seed \(seed) step \(step) \(what) in \(id)"
                    let usd = account["balances"]["usd"]
                    #expect(try await world.total(acting) == usd["total"].int ?? 0, "\(place)")
                    let balance = try await world.get("/v1/balance", account: acting)
                    let pending = balance["pending"].array.first { $0["currency"].string == "usd" }
                    #expect(pending?["amount"].int ?? 0 == usd["pending"].int ?? 0, "\(place)")
                    let rows = try await world.allRows(acting)
                    #expect(rows.reduce(0) { $0 + ($1["net"].int ?? 0) } == usd["total"].int ?? 0, "\(place)")
                    for row in rows {
                        #expect(row["net"].int == (row["amount"].int ?? 0) - (row["fee"].int ?? 0), "\(place)")
                        let fees = row["fee_details"].array.reduce(0) { $0 + ($1["amount"].int ?? 0) }
                        #expect(row["fee"].int == fees, "\(place)")
                        let before = known.updateValue(row, forKey: row.id) ?? row
                        let changed = row.keys.filter { $0 != "status" && row[$0] != before[$0] }
                        #expect(changed.isEmpty, "\(place)")
                    }
                    #expect(Set(known.keys).isSuperset(of: rows.map(\.id)))
                }
            }
        }
    }

    @Test("What was answered is in the state file: a copy of it taken at once is a whole world")
    func durability() async throws {
        let folder = "/tmp/sandbox-state-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (seller, before) = try await SandboxWorld.run(dataDirectory: folder + "/first", seed: 3) { world in
            let seller = try await world.seller()
            _ = try await world.pay(
                10000, [("application_fee_amount", "1000"), ("transfer_data[destination]", seller)])
            let key = try await world.send(.post, "/v1/customers", [("name", "A")], key: "kept")
            #expect(key.status == 200)
            // The sandbox still runs: nothing was flushed or closed for this copy.
            try FileManager.default.createDirectory(atPath: folder + "/second", withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: folder + "/first/state.jsonl", toPath: folder + "/second/state.jsonl")
            return (seller, try await world.control(.get, "books").json)
        }
        try await SandboxWorld.run(dataDirectory: folder + "/second") { world in
            #expect(try await world.control(.get, "books").json == before)
            #expect(try await world.total(seller) == 9000)
            let replay = try await world.send(.post, "/v1/customers", [("name", "A")], key: "kept")
            #expect(replay.headers["Idempotent-Replayed"] == "true")
        }
    }

    @Test("A torn last record is dropped, the ones before it stay")
    func tornRecord() async throws {
        let folder = "/tmp/sandbox-state-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let customer = try await SandboxWorld.run(dataDirectory: folder) { world in
            try await world.post("/v1/customers", [("name", "A")]).id
        }
        let path = folder + "/state.jsonl"
        var content = try Data(contentsOf: URL(fileURLWithPath: path))
        content.append(Data(#"{"n":1,"offset":0,"put":[["cus_half""#.utf8))
        try content.write(to: URL(fileURLWithPath: path))
        try await SandboxWorld.run(dataDirectory: folder) { world in
            let kept = try await world.get("/v1/customers/\(customer)")
            #expect(kept["name"].string == "A")
        }
    }
}

/// A repeatable generator, printed by its seed.
struct SystemlessGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var mixed = state
        mixed ^= mixed >> 33
        mixed = mixed &* 0xFF51_AFD7_ED55_8CCD
        return mixed ^ (mixed >> 33)
    }
}
