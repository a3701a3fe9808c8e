/// Everything that the sandbox knows, in memory: objects by id, their order, jobs, saved answers.
///
/// What can be derived from the objects (indexes, balances, undelivered events) is kept beside them by `didChange` and
/// is never written to the state file.
final class World {
    struct Entry {
        let account: String
        let type: String
        /// Seconds of the sandbox's clock.
        let created: Int64
        let position: UInt64
        var value: JSONValue
    }

    struct ListKey: Hashable {
        let account: String
        let type: String
    }

    struct IndexKey: Hashable {
        let account: String
        let type: String
        let field: String
        let value: String
    }

    struct Slot {
        let position: UInt64
        let id: String
    }

    /// The answer of a request that carried an idempotency key.
    struct SavedAnswer {
        let fingerprint: String
        let status: Int
        let body: String
        let requestID: String
        let savedAt: Int64
    }

    struct Totals {
        var available: Int64 = 0
        var pending: Int64 = 0
    }

    /// Fields that lists filter by often enough to keep an index of.
    static let indexedFields: [String: [String]] = [
        "charge": ["payment_intent", "customer", "transfer_group"],
        "refund": ["charge", "payment_intent"],
        "balance_transaction": ["source", "_payout"],
        "transfer": ["transfer_group", "destination", "source_transaction"],
        "application_fee": ["charge", "originating_transaction"],
        "fee_refund": ["fee"],
        "transfer_reversal": ["transfer"],
        "dispute": ["charge", "payment_intent"],
        "radar.early_fraud_warning": ["charge", "payment_intent"],
        "checkout.session": ["payment_intent", "customer"],
        "payment_intent": ["customer"],
        "payment_method": ["customer"],
        "customer": ["email"],
        "person": ["account"],
        "bank_account": ["account"],
        "card": ["account"],
    ]

    private(set) var entries: [String: Entry] = [:]
    private(set) var lists: [ListKey: [Slot]] = [:]
    private(set) var indexes: [IndexKey: [Slot]] = [:]
    /// By account and currency.
    private(set) var balances: [String: [String: Totals]] = [:]
    /// Rows that are pending, by account and the second at which they become available.
    private(set) var pendingRows: [String: [Int64: Set<String>]] = [:]
    /// Deliveries of an event that its endpoint has not answered with 2xx.
    private(set) var undelivered: [String: Int] = [:]

    var jobs = JobQueue()
    var savedAnswers: [String: SavedAnswer] = [:]
    /// The last number drawn for ids; with the seed it makes every id of a run repeatable.
    var counter: UInt64 = 0
    var seed: UInt64 = 0
    /// Milliseconds by which the sandbox's clock is ahead of the machine's.
    var clockOffset: Int64 = 0
    /// The latest moment that anything saw; the clock never goes back behind it.
    var latest: Int64 = 0
    var platform = ""
    var application = ""

    func now() -> Int64 { max(latest, WallClock.milliseconds() + clockOffset) }

    subscript(id id: String) -> Entry? { entries[id] }

    func set(_ id: String, _ entry: Entry?) {
        let old = entries[id]
        entries[id] = entry
        if let entry, old == nil {
            lists[ListKey(account: entry.account, type: entry.type), default: []].insertInOrder(
                Slot(position: entry.position, id: id))
        }
        if let old, entry == nil {
            lists[ListKey(account: old.account, type: old.type)]?.remove(position: old.position)
        }
        didChange(id, from: old, to: entry)
    }

    private func didChange(_ id: String, from old: Entry?, to new: Entry?) {
        guard let kept = new ?? old else { return }
        for field in Self.indexedFields[kept.type] ?? [] {
            let before = old?.value[field].string
            let after = new?.value[field].string
            guard before != after else { continue }
            if let before, let old {
                indexes[IndexKey(account: old.account, type: old.type, field: field, value: before)]?
                    .remove(position: old.position)
            }
            if let after, let new {
                indexes[IndexKey(account: new.account, type: new.type, field: field, value: after), default: []]
                    .insertInOrder(Slot(position: new.position, id: id))
            }
        }
        switch kept.type {
        case "balance_transaction":
            if let old { count(id, old, sign: -1) }
            if let new { count(id, new, sign: 1) }
        case "_delivery":
            let was = old.map { $0.value["status"] != "succeeded" } ?? false
            let isNow = new.map { $0.value["status"] != "succeeded" } ?? false
            guard was != isNow, let event = kept.value["event"].string else { return }
            let count = (undelivered[event] ?? 0) + (isNow ? 1 : -1)
            undelivered[event] = count == 0 ? nil : count
        default: return
        }
    }

    private func count(_ id: String, _ row: Entry, sign: Int64) {
        guard let net = row.value["net"].int, let currency = row.value["currency"].string else { return }
        if row.value["status"] == "available" {
            balances[row.account, default: [:]][currency, default: Totals()].available += sign * net
        } else {
            balances[row.account, default: [:]][currency, default: Totals()].pending += sign * net
            let due = row.value["available_on"].int ?? 0
            if sign > 0 {
                pendingRows[row.account, default: [:]][due, default: []].insert(id)
            } else {
                pendingRows[row.account]?[due]?.remove(id)
                if pendingRows[row.account]?[due]?.isEmpty == true { pendingRows[row.account]?[due] = nil }
            }
        }
    }

    /// The objects of a type in an account, oldest first.
    func slots(account: String, type: String) -> [Slot] { lists[ListKey(account: account, type: type)] ?? [] }

    func slots(account: String, type: String, field: String, value: String) -> [Slot] {
        indexes[IndexKey(account: account, type: type, field: field, value: value)] ?? []
    }

    func all(account: String, type: String) -> [Entry] {
        slots(account: account, type: type).compactMap { entries[$0.id] }
    }

    func all(account: String, type: String, field: String, value: String) -> [Entry] {
        slots(account: account, type: type, field: field, value: value).compactMap { entries[$0.id] }
    }
}

extension [World.Slot] {
    /// Positions grow, so this is an append but for a rolled back or replayed object.
    fileprivate mutating func insertInOrder(_ slot: World.Slot) {
        if let last, last.position > slot.position {
            insert(slot, at: firstIndex(notBefore: slot.position))
        } else {
            append(slot)
        }
    }

    fileprivate mutating func remove(position: UInt64) {
        let index = firstIndex(notBefore: position)
        if index < count, self[index].position == position { remove(at: index) }
    }

    /// The first slot at or after a position.
    func firstIndex(notBefore position: UInt64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].position < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
