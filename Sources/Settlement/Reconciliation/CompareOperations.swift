import Domain
import Ledger
import Orders
import Postgres
import Sellers
import Store
import StripeAPI

extension RunReconciliation {
    /// Every object at Stripe that names an operation of ours against that operation, every operation that made an object
    /// against what Stripe has, and operations that do not get on by themselves.
    func compareOperations(_ run: ReconciliationRecord, _ tally: inout Tally) async throws {
        if run.seller == nil {
            try await compareMade(.account, in: ListAccounts(), run, &tally) {
                MadeObject($0.cursor, $0.metadata, nil, at: $0.created ?? Timestamp(seconds: 0))
            }
            try await compareMade(.checkoutSession, in: ListCheckoutSessions(), run, &tally) {
                MadeObject($0.cursor, $0.metadata, nil, at: $0.created)
            }
            try await compareMade(.paymentIntent, in: ListPaymentIntents(), run, &tally) {
                MadeObject($0.cursor, $0.metadata, nil, at: $0.created)
            }
            try await compareMade(.refund, in: ListRefunds(), run, &tally) { refund in
                MadeObject(refund.cursor, refund.metadata, Money(refund.amount, refund.currency), at: refund.created)
            }
            try await compareFeeRefunds(run, &tally)
        }
        for destination in try await accounts(of: run).map({ $0.sorted().map(Optional.some) }) ?? [nil] {
            let transfers = ListTransfers(destination: destination)
            try await compareMade(.transfer, in: transfers, run, &tally) { transfer in
                MadeObject(
                    transfer.cursor, transfer.metadata, Money(transfer.amount, transfer.currency), at: transfer.created)
            }
            try await compareReversals(of: transfers, run, &tally)
        }
        for owner in try await owners(of: run) {
            try await compareMade(.payout, in: ListPayouts(account: owner.stripeAccount), of: owner, run, &tally) {
                MadeObject($0.cursor, $0.metadata, Money($0.amount, $0.currency), at: $0.created)
            }
        }
        // Last: what was due when the run began has had its time.
        try await report(try await stuckOperations(in: run), of: run, &tally)
    }

    // MARK: Objects that Stripe lists by themselves

    private func compareMade<Call: StripeListCall>(
        _ product: OperationProduct, in list: Call, of owner: BalanceOwner = .platform, _ run: ReconciliationRecord,
        _ tally: inout Tally, _ made: (Call.Element) -> MadeObject
    ) async throws {
        var newer: Set<String> = []
        let fetching = try await eachWindow(of: list, owner: owner, created: { made($0).created }, run) {
            remote, window in
            let objects = remote.map(made)
            var findings = try await differences(among: objects, product, of: owner, &tally)
            let seen = Set(objects.map(\.id))
            let operations = try await succeeded(product, of: owner, in: window, run)
            // Stripe's clock is not ours: at the edges of a window, and after long retries, the object is in another.
            for operation in operations where !seen.contains(operation.object) && !newer.contains(operation.object) {
                guard let finding = try await absence(of: operation.object, product, owner, operation) else { continue }
                findings.append(finding)
            }
            newer = seen
            try await report(findings, of: run, &tally)
        }
        tally.fetching += fetching
    }

    /// - Returns: nil if Stripe shows the object after all, or shows nothing of its account any more.
    func absence(
        of object: String, _ product: OperationProduct, _ owner: BalanceOwner, _ operation: MakingOperation
    ) async throws -> FindingFacts? {
        guard let request = product.reading(object, of: owner, parent: nil) else { return nil }
        do {
            guard case .gone = try await stripe.fetch(request, priority: .reconciliation) else { return nil }
        } catch let error as StripeError where error.kind == .accountInaccessible {
            return nil
        }
        return operation.withoutObject(of: owner, parent: nil)
    }

    // MARK: Parts that Stripe lists with their object

    private func compareReversals(
        of list: ListTransfers, _ run: ReconciliationRecord, _ tally: inout Tally
    ) async throws {
        let fetching = try await eachWindow(of: list, created: \.created, run) { transfers, _ in
            var parts: [String: [MadeObject]] = [:]
            for transfer in transfers {
                var reversals = transfer.reversals?.data ?? []
                if transfer.reversals?.hasMore == true {
                    reversals = try await everything(in: ListTransferReversals(transfer: transfer.id))
                }
                parts[transfer.cursor] = reversals.map {
                    MadeObject(
                        $0.cursor, $0.metadata, Money($0.amount, $0.currency), at: $0.created, of: transfer.cursor)
                }
            }
            try await compareParts(parts, .reversal, run, &tally)
        }
        tally.fetching += fetching
    }

    private func compareFeeRefunds(_ run: ReconciliationRecord, _ tally: inout Tally) async throws {
        let fetching = try await eachWindow(of: ListApplicationFees(), created: \.created, run) { fees, _ in
            var parts: [String: [MadeObject]] = [:]
            for fee in fees {
                var refunds = fee.refunds?.data ?? []
                if fee.refunds?.hasMore == true { refunds = try await everything(in: ListFeeRefunds(fee: fee.id)) }
                parts[fee.cursor] = refunds.map {
                    MadeObject($0.cursor, $0.metadata, Money($0.amount, $0.currency), at: $0.created, of: fee.cursor)
                }
            }
            try await compareParts(parts, .feeRefund, run, &tally)
        }
        tally.fetching += fetching
    }

    /// Compares whole lists of parts, by the object that they are part of.
    private func compareParts(
        _ parts: [String: [MadeObject]], _ product: OperationProduct, _ run: ReconciliationRecord, _ tally: inout Tally
    ) async throws {
        let objects = parts.values.flatMap(\.self)
        var findings = try await differences(among: objects, product, of: .platform, &tally)
        let seen = Set(objects.map(\.id))
        for operation in try await succeeded(product, on: parts.keys.sorted()) where !seen.contains(operation.object) {
            findings.append(operation.withoutObject(of: .platform, parent: operation.parent))
        }
        try await report(findings, of: run, &tally)
    }

    private func everything<Call: StripeListCall>(in list: Call) async throws -> [Call.Element] {
        var objects: [Call.Element] = []
        for try await page in stripe.pages(of: list, priority: .reconciliation) { objects += page }
        return objects
    }

    // MARK: Rules

    /// What is wrong with objects of one kind that name operations. Those that name none are not ours to tell of.
    func differences(
        among objects: [MadeObject], _ product: OperationProduct, of owner: BalanceOwner, _ tally: inout Tally
    ) async throws -> [FindingFacts] {
        let named = objects.filter { $0.operation != nil }
            .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
        guard !named.isEmpty else { return [] }
        let ids = named.map(\.id)
        let operations = try await operations(named: named.compactMap(\.operation))
        let adopted = try await adopted(among: ids, of: owner)
        let booked = try await booked(among: ids)
        var claimed: Set<String> = []
        var findings: [FindingFacts] = []
        for object in named {
            guard let name = object.operation else { continue }
            let operation = operations[name]
            let isFirst = claimed.insert(name).inserted
            let verdict =
                adopted.contains(object.id)
                ? nil
                : product.verdict(
                    on: object, operation, isFirst: isFirst, isBooked: booked.contains(object.id))
            guard let (kind, detail) = verdict else {
                tally.matched += 1
                continue
            }
            findings.append(
                FindingFacts(
                    kind: kind, part: .operations, stripeAccount: owner.code, object: object.id,
                    currency: object.amount?.currency.code, expected: object.amount?.minorUnits, actual: nil,
                    detail: detail, parent: object.parent, operation: name))
        }
        return findings
    }

    // MARK: Ours

    private func operations(named ids: [String]) async throws -> [String: NamedOperation] {
        let rows = try await store.query(
            "SELECT id, kind, state, stripe_id FROM stripe_operations WHERE id = ANY (\(ids))")
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                (
                    try row.get("id") as String,
                    NamedOperation(
                        kind: OperationKind(rawValue: try row.get("kind")), state: try row.get("state"),
                        object: try row.get("stripe_id"))
                )
            })
    }

    /// Those that an admin had taken into the books as they are.
    private func adopted(among ids: [String], of owner: BalanceOwner) async throws -> Set<String> {
        Set(
            try await store.query(
                """
                SELECT stripe_id FROM adopted_objects WHERE stripe_account = \(owner.code) AND stripe_id = ANY (\(ids))
                """
            ).map { try $0.get("stripe_id") })
    }

    /// Those of which we have a row, whichever way it came here.
    private func booked(among ids: [String]) async throws -> Set<String> {
        Set(
            try await store.query(
                """
                SELECT stripe_id FROM refunds WHERE stripe_id = ANY (\(ids))
                UNION ALL SELECT stripe_id FROM transfers WHERE stripe_id = ANY (\(ids)) AND state = 'paid'
                UNION ALL SELECT stripe_id FROM transfer_reversals WHERE stripe_id = ANY (\(ids))
                UNION ALL SELECT stripe_id FROM fee_refunds WHERE stripe_id = ANY (\(ids))
                UNION ALL SELECT stripe_id FROM payouts WHERE stripe_id = ANY (\(ids))
                """
            ).map { try $0.get("stripe_id") })
    }

    private func succeeded(
        _ product: OperationProduct, of owner: BalanceOwner, in window: Window, _ run: ReconciliationRecord
    ) async throws -> [MakingOperation] {
        var query: PostgresQuery = """
            SELECT id, stripe_id, path FROM stripe_operations
            WHERE kind = ANY (\(product.kinds.map(\.rawValue))) AND state = 'succeeded' AND stripe_id IS NOT NULL
                AND first_sent_at IS NOT NULL AND stripe_account IS NOT DISTINCT FROM \(owner.stripeAccount)
            """ + " AND " + window.holds("first_sent_at")
        if let seller = run.seller, product == .transfer {
            query += " AND subject_id IN (SELECT t.id FROM transfers t WHERE t.seller_id = \(seller))"
        }
        return try await store.query(query + " ORDER BY id").map(MakingOperation.init)
    }

    private func succeeded(_ product: OperationProduct, on parents: [String]) async throws -> [MakingOperation] {
        try await store.query(
            """
            SELECT id, stripe_id, path FROM stripe_operations
            WHERE kind = ANY (\(product.kinds.map(\.rawValue))) AND path = ANY (\(parents.map(product.path(on:))))
                AND kind IN ('reverse_transfer', 'refund_application_fee')
                AND state = 'succeeded' AND stripe_id IS NOT NULL
            ORDER BY id
            """
        ).map(MakingOperation.init)
    }

    /// Operations that wait for a person, that nobody has worked on although they were due, that cannot be worked on, or
    /// whose end is not known since an hour.
    func stuckOperations(
        in run: ReconciliationRecord? = nil, only id: String? = nil
    ) async throws -> [FindingFacts] {
        let limit = try await store.clock.now().advanced(by: .zero - BooksCheck.clearingAge)
        var query: PostgresQuery = """
            SELECT id, kind, subject_id, state, reason, stripe_account FROM stripe_operations
            WHERE (state = 'needs_review'
                OR state IN ('pending', 'sent', 'held') AND due_at < \(limit)
                OR state = 'sent' AND first_sent_at < \(limit)
                OR state IN ('pending', 'held') AND created_at < \(limit)
                    AND starts_with(reason, \(OperationEngine.cannotBeWorkedOn)))
            """
        if let from = run?.from { query += " AND created_at >= \(from)" }
        if let to = run?.to { query += " AND created_at < \(to)" }
        if let id { query += " AND id = \(id)" }
        if let seller = run?.seller {
            query += """
                 AND subject_id IN (
                    SELECT \(seller) UNION ALL SELECT t.id FROM transfers t WHERE t.seller_id = \(seller)
                    UNION ALL SELECT p.id FROM payouts p WHERE p.seller_id = \(seller))
                """
        }
        return try await store.query(query + " ORDER BY id").map { row in
            let id: String = try row.get("id")
            let reason: String? = try row.get("reason")
            return FindingFacts(
                kind: .stuckOperation, part: .operations,
                stripeAccount: try row.get("stripe_account") ?? BalanceOwner.platform.code, object: id, currency: nil,
                expected: nil, actual: nil,
                detail: """
                    The operation \(try row.get("kind") as String) for \(try row.get("subject_id") as String) is \
                    \(try row.get("state") as String) and does not get on by itself\(reason.map { ": \($0)" } ?? "").
                    """, operation: id)
        }
    }
}

/// An object at Stripe that an operation may have made.
struct MadeObject: Hashable, Sendable {
    let id: String
    /// The operation that it names.
    let operation: String?
    /// Nil for what moves no money by itself.
    let amount: Money?
    let created: Timestamp
    /// The object in whose list Stripe shows it.
    let parent: String?

    init(_ id: String, _ metadata: [String: String], _ amount: Money?, at created: Timestamp, of parent: String? = nil)
    {
        self.id = id
        operation = metadata["souk_operation"]
        self.amount = amount
        self.created = created
        self.parent = parent
    }
}

/// An operation that an object names.
struct NamedOperation: Hashable, Sendable {
    let kind: OperationKind
    let state: String
    let object: String?
}

/// An operation that has made an object.
struct MakingOperation: Sendable {
    let id: String
    let object: String
    let path: String

    init(row: PostgresRow) throws {
        id = try row.get("id")
        object = try row.get("stripe_id")
        path = try row.get("path")
    }

    /// Of a part: the object that it was made on.
    var parent: String? {
        let parts = path.split(separator: "/")
        return parts.count == 4 ? String(parts[2]) : nil
    }

    func withoutObject(of owner: BalanceOwner, parent: String?) -> FindingFacts {
        FindingFacts(
            kind: .missingAtStripe, part: .operations, stripeAccount: owner.code, object: object, currency: nil,
            expected: nil, actual: nil,
            detail: "The operation \(id) made \(object), and Stripe does not have it any more.", parent: parent,
            operation: id)
    }
}

/// What operations make at Stripe, and how Stripe shows it.
enum OperationProduct: String, Hashable, Sendable, CaseIterable {
    case account = "acct"
    case checkoutSession = "cs"
    case paymentIntent = "pi"
    case refund = "re"
    case transfer = "tr"
    case reversal = "trr"
    case feeRefund = "fr"
    case payout = "po"

    /// By the prefix of Stripe's id.
    init?(of id: String) { self.init(rawValue: String(id.prefix { $0 != "_" })) }

    /// The operations that make it.
    var kinds: [OperationKind] {
        switch self {
        case .account: [.createAccount]
        case .checkoutSession: [.createCheckoutSession]
        case .paymentIntent: [.createPaymentIntent]
        case .refund: [.refundCharge]
        case .transfer: [.createTransfer, .transferAdjustment]
        case .reversal: [.reverseTransfer]
        case .feeRefund: [.refundApplicationFee]
        case .payout: [.createPayout]
        }
    }

    /// The path of the operations that make such a part.
    func path(on parent: String) -> String {
        self == .reversal ? "/v1/transfers/\(parent)/reversals" : "/v1/application_fees/\(parent)/refunds"
    }

    /// - Returns: nil for a part of which the whole is not known.
    func reading(_ id: String, of owner: BalanceOwner, parent: String?) -> StripeRequest? {
        switch self {
        case .account: RetrieveAccount(StripeAccountID(id)).request
        case .checkoutSession: RetrieveCheckoutSession(StripeCheckoutSessionID(id)).request
        case .paymentIntent: RetrievePaymentIntent(StripePaymentIntentID(id)).request
        case .refund: RetrieveRefund(StripeRefundID(id)).request
        case .transfer: RetrieveTransfer(StripeTransferID(id)).request
        case .reversal:
            parent.map { RetrieveTransferReversal(StripeTransferReversalID(id), of: StripeTransferID($0)).request }
        case .feeRefund:
            parent.map { RetrieveFeeRefund(StripeFeeRefundID(id), of: StripeApplicationFeeID($0)).request }
        case .payout: RetrievePayout(StripePayoutID(id), account: owner.stripeAccount).request
        }
    }

    /// What is wrong with an object that names an operation: a pure rule. `isFirst` is false where an older object of the
    /// same list names it too; `isBooked` says whether we have a row of the object.
    /// - Returns: nil if nothing is.
    func verdict(
        on object: MadeObject, _ operation: NamedOperation?, isFirst: Bool, isBooked: Bool
    ) -> (kind: FindingFacts.Kind, detail: String)? {
        let name = object.operation ?? ""
        guard let operation else {
            return (.missingInLedger, "\(object.id) names the operation \(name), and Souk has no such operation.")
        }
        guard kinds.contains(operation.kind) else {
            // A payment page hands its metadata to the payment that it begins.
            if self == .paymentIntent, operation.kind == .createCheckoutSession, isFirst { return nil }
            return (
                .duplicate,
                "\(object.id) names the operation \(name), which is a \(operation.kind) and did not make it."
            )
        }
        if let made = operation.object {
            return made == object.id
                ? nil : (.duplicate, "\(object.id) names the operation \(name), which made \(made).")
        }
        guard operation.state == OperationState.failed.rawValue else {
            return isFirst
                ? nil : (.duplicate, "\(object.id) names the operation \(name), and so does an older object.")
        }
        return isBooked
            ? nil : (.stateMismatch, "\(object.id) names the operation \(name), which has failed and made nothing.")
    }
}
