import StripeSandbox
import Testing
import Transport

/// Money in one currency that arrives in another. The platform and, where nothing else is said, the seller have US dollars.
@Suite struct ExchangeTests {
    private static let converting: SandboxBehaviour = {
        var behaviour = SandboxBehaviour()
        behaviour.convertsCurrencies = true
        return behaviour
    }()

    @Test(
        "A destination charge arrives in the platform's currency, and so do its transfer and its fee",
        arguments: [
            (
                "eur", 1.08, ["charge 10800 343 10457", "transfer -10800 0 -10800", "application_fee 1080 0 1080"],
                "payment 10800 1080 9720"
            ),
            // No decimals, and three of them.
            (
                "jpy", 0.65, ["charge 6500 219 6281", "transfer -6500 0 -6500", "application_fee 650 0 650"],
                "payment 6500 650 5850"
            ),
            (
                "kwd", 0.325, ["charge 3250 124 3126", "transfer -3250 0 -3250", "application_fee 325 0 325"],
                "payment 3250 325 2925"
            ),
        ])
    func destination(currency: String, rate: Double, platform: [String], payment: String) async throws {
        try await SandboxWorld.run(behaviour: Self.converting) { world in
            let seller = try await world.seller()
            let intent = try await world.pay(
                10000,
                [
                    ("currency", currency), ("application_fee_amount", "1000"), ("transfer_data[destination]", seller),
                    ("expand[]", "latest_charge.balance_transaction"),
                ])
            let charge = intent["latest_charge"]
            #expect(charge["amount"].int == 10000 && charge["currency"].string == currency)
            #expect(charge["application_fee_amount"].int == 1000)
            #expect(charge["balance_transaction"]["currency"].string == "usd")
            #expect(charge["balance_transaction"]["exchange_rate"] == .fraction(rate))
            #expect(try await world.rows() == platform)
            #expect(try await world.rows(seller) == [payment])
            let transfer = try await world.get("/v1/transfers/\(charge["transfer"].string ?? "")")
            #expect(transfer["currency"].string == "usd")
            let fee = try await world.get("/v1/application_fees/\(charge["application_fee"].string ?? "")")
            #expect(fee["currency"].string == "usd")
            #expect(try await world.total(currency: currency) == 0)
        }
    }

    @Test("A refund goes out at its own moment's rate, and brings the transfer and the fee back as they were")
    func refund() async throws {
        try await SandboxWorld.run(behaviour: Self.converting) { world in
            let seller = try await world.seller()
            let intent = try await world.euros(seller)
            try await world.control(.put, "exchange", #"{"rates":{"eur":"1.10"}}"#)
            let refund = try await world.post(
                "/v1/refunds",
                [
                    ("payment_intent", intent.id), ("amount", "2500"), ("reverse_transfer", "true"),
                    ("refund_application_fee", "true"),
                ])
            #expect(refund["amount"].int == 2500 && refund["currency"].string == "eur")
            #expect(
                try await world.rows().suffix(3) == [
                    "refund -2750 0 -2750", "transfer_refund 2700 0 2700", "application_fee_refund -270 0 -270",
                ])
            try await world.post(
                "/v1/refunds",
                [
                    ("payment_intent", intent.id), ("reverse_transfer", "true"), ("refund_application_fee", "true"),
                ])
            // Stripe's fee of 343, and what the whole refund cost more at the later rate.
            #expect(try await world.total() == -343 - 200)
            #expect(try await world.total(seller) == 0)
        }
    }

    @Test("A dispute takes and gives back at the rates of its days; Stripe's own fees are in the balance's currency")
    func dispute() async throws {
        try await SandboxWorld.run(behaviour: Self.converting) { world in
            let seller = try await world.seller()
            let charge = try await world.euros(seller)["latest_charge"].id
            try await world.control(.put, "exchange", #"{"rates":{"eur":1.1}}"#)
            let dispute = try await world.control(.post, "charges/\(charge)/dispute", #"{"reason":"fraudulent"}"#).json
            #expect(dispute["amount"].int == 10000 && dispute["currency"].string == "eur")
            try await world.control(.put, "exchange", #"{"rates":{"eur":"1.05"}}"#)
            try await world.post(
                "/v1/disputes/\(dispute.id)", [("evidence[uncategorized_text]", "winning_evidence")])
            #expect(
                try await world.rows().suffix(4) == [
                    "adjustment -11000 1500 -12500", "adjustment -1500 0 -1500", "adjustment 10500 0 10500",
                    "adjustment 1500 0 1500",
                ])
        }
    }

    @Test("A seller with another currency is paid in it, converted once more on arrival")
    func thirdCurrency() async throws {
        try await SandboxWorld.run(behaviour: Self.converting) { world in
            let seller = try await world.seller(country: "GB")
            _ = try await world.destination(seller)
            #expect(try await world.rows(seller) == ["payment 7874 787 7087"])
            let row = try await world.allRows(seller)[0]
            #expect(row["currency"].string == "gbp" && row["exchange_rate"] == .fraction(0.787401575))
            #expect(row["fee_details"][0]["currency"].string == "gbp")
            let payment = try await world.get("/v1/charges/\(row["source"].string ?? "")", account: seller)
            #expect(payment["amount"].int == 10000 && payment["currency"].string == "usd")
            let euros = try await world.euros(seller)
            #expect(try await world.rows(seller).last == "payment 8504 850 7654")
            try await world.post(
                "/v1/refunds",
                [("payment_intent", euros.id), ("reverse_transfer", "true"), ("refund_application_fee", "true")])
            #expect(try await world.total(seller, currency: "gbp") == 7087)
            #expect(try await world.total(seller) == 0)
        }
    }

    @Test("A transfer out of a converted charge is in the currency that it brought, and at most that")
    func transfer() async throws {
        try await SandboxWorld.run(behaviour: Self.converting) { world in
            let seller = try await world.seller()
            let charge = try await world.pay(10000, [("currency", "eur")])["latest_charge"].id
            func transfer(_ amount: Int64, _ currency: String) -> [(String, String)] {
                [
                    ("amount", String(amount)), ("currency", currency), ("destination", seller),
                    ("source_transaction", charge),
                ]
            }
            #expect(
                try await world.refusal("/v1/transfers", transfer(100, "eur"))
                    == "400 transfer_source_balance_parameters_mismatch")
            #expect(
                try await world.refusal("/v1/transfers", transfer(10801, "usd")) == "400 charge_exceeds_source_limit")
            try await world.post("/v1/transfers", transfer(10800, "usd"))
            #expect(try await world.total(seller) == 10800)
        }
    }

    @Test("What is held with a bank account of its own is not converted, and nothing is while the switch is off")
    func held() async throws {
        try await SandboxWorld.run(behaviour: Self.converting) { world in
            let platform = try await world.control(.get, "platform").json["account"].string ?? ""
            try await world.post(
                "/v1/accounts/\(platform)/external_accounts",
                [
                    ("external_account[object]", "bank_account"), ("external_account[country]", "DE"),
                    ("external_account[currency]", "eur"),
                    ("external_account[account_number]", "DE89370400440532013000"),
                ])
            _ = try await world.pay(10000, [("currency", "eur")])
            #expect(try await world.total(currency: "eur") == 9680)
            _ = try await world.pay(10000, [("currency", "gbp")])
            #expect(try await world.total(currency: "gbp") == 0)
        }
        try await SandboxWorld.run { world in
            _ = try await world.pay(10000, [("currency", "eur")])
            let row = try await world.allRows()[0]
            #expect(row["currency"].string == "eur" && row["exchange_rate"] == .null)
        }
    }

    @Test("Rates that are none are refused and change nothing; what is not named keeps its own")
    func rates() async throws {
        try await SandboxWorld.run { world in
            let usual = try await world.control(.get, "exchange").json
            #expect(usual["rates"]["eur"].string == "1.08" && usual["rates"]["jpy"].string == "0.0065")
            for wrong in [
                #"{"eur":"0"}"#, #"{"eur":"-1"}"#, #"{"eur":"1.0000000001"}"#, #"{"eur":"1e3"}"#, #"{"eur":null}"#,
                #"{"EUR":"1"}"#, #"{"usd":"2"}"#, #"{"eur":"."}"#, #"{"gbp":"1.3","eur":"x"}"#,
            ] {
                #expect(try await world.control(.put, "exchange", #"{"rates":\#(wrong)}"#).status == 400, "\(wrong)")
            }
            #expect(try await world.control(.put, "exchange", #"{"rate":{}}"#).status == 400)
            #expect(try await world.control(.get, "exchange").json == usual)
            let changed = try await world.control(.put, "exchange", #"{"rates":{"eur":"1.25"}}"#).json
            #expect(changed["rates"]["eur"].string == "1.25")
            #expect(changed["rates"]["gbp"] == usual["rates"]["gbp"])
        }
    }

    @Test("Whatever is converted and turned round: balances are their rows in each currency", arguments: UInt64(1)...6)
    func netsAreBalances(seed: UInt64) async throws {
        var behaviour = Self.converting
        behaviour.enrichmentMilliseconds = 600_000
        if seed % 2 == 0 { behaviour.feeRefundRow = .separateRow }
        try await SandboxWorld.run(seed: seed, behaviour: behaviour) { world in
            var random = SystemlessGenerator(state: seed)
            var sellers: [String] = []
            for country in ["US", "GB", "JP"] { sellers.append(try await world.seller(country: country)) }
            var intents: [String] = []
            for step in 1...25 {
                let amount = Int64.random(in: 20...5000, using: &random) * 10
                switch Int.random(in: 0..<6, using: &random) {
                case 0...2:
                    let answer = try await world.send(
                        .post, "/v1/payment_intents",
                        [
                            ("amount", String(amount)), ("payment_method", "pm_card_visa"), ("confirm", "true"),
                            ("currency", ["usd", "eur", "jpy", "kwd"].randomElement(using: &random) ?? ""),
                            ("return_url", "https://shop.example"),
                            ("transfer_data[destination]", sellers.randomElement(using: &random) ?? ""),
                            ("application_fee_amount", String(Int64.random(in: 0...amount, using: &random))),
                            ("capture_method", Bool.random(using: &random) ? "automatic" : "automatic_async"),
                        ])
                    intents.append(answer.json.id)
                case 3, 4:
                    _ = try await world.send(
                        .post, "/v1/refunds",
                        [
                            ("payment_intent", intents.randomElement(using: &random) ?? ""),
                            ("amount", String(amount / 3 + 1)), ("reverse_transfer", "true"),
                        ])
                default:
                    let rate = "0.00\(Int.random(in: 1...99, using: &random))"
                    try await world.control(
                        .put, "exchange", #"{"rates":{"jpy":"\#(rate)","eur":"1\#(rate.dropFirst())"}}"#)
                    try await world.advance(hours: 9)
                }
                let books = try await world.control(.get, "books").json
                for account in books["accounts"].array {
                    let id = account["account"].string ?? ""
                    let acting = account["is_platform"] == .bool(true) ? nil : id
                    let rows = try await world.allRows(acting)
                    for currency in ["usd", "gbp", "jpy", "eur", "kwd"] {
                        let sum = rows.filter { $0["currency"].string == currency }
                            .reduce(0) { $0 + ($1["net"].int ?? 0) }
                        let place = "seed \(seed) step \(step) \(currency) of \(id)"
                        #expect(try await world.total(acting, currency: currency) == sum, "\(place)")
                        #expect(account["balances"][currency]["total"].int ?? 0 == sum, "\(place)")
                    }
                    for row in rows {
                        #expect(row["net"].int == (row["amount"].int ?? 0) - (row["fee"].int ?? 0))
                        let fees = row["fee_details"].array
                        #expect(row["fee"].int == fees.reduce(0) { $0 + ($1["amount"].int ?? 0) })
                        #expect(fees.allSatisfy { $0["currency"] == row["currency"] })
                    }
                }
            }
        }
    }
}

extension SandboxWorld {
    /// A paid destination charge of 100.00 euros with a fee of 10.00 -> its intent, the charge expanded.
    fileprivate func euros(_ seller: String) async throws -> JSON {
        try await pay(
            10000,
            [("currency", "eur"), ("application_fee_amount", "1000"), ("transfer_data[destination]", seller)])
    }
}
