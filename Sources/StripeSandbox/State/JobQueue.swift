/// Something that Stripe does later by itself.
struct Job: Hashable, Sendable {
    enum Kind: String, Sendable {
        case settleCharge, fundsAvailable, automaticPayout, payoutSent, payoutArrived, expireSession, verifyAccount
        case attemptDelivery, expireAuthorization, refundSettles, refundFails, refundFunded, openDispute
        case disputeDeadline, topupSucceeds, debitAnswered, collectBalance, warnOfFraud
    }

    /// A repeated id replaces the earlier job, so that "the next payout run of this account" exists once.
    let id: String
    let kind: Kind
    /// Milliseconds of the sandbox's clock.
    let due: Int64
    /// Order among jobs of the same moment.
    let sequence: UInt64
    let account: String
    let subject: String

    var json: JSONValue {
        [
            "id": .string(id), "kind": .string(kind.rawValue), "due": .int(due), "sequence": .int(Int64(sequence)),
            "account": .string(account), "subject": .string(subject),
        ]
    }

    init(id: String, kind: Kind, due: Int64, sequence: UInt64, account: String, subject: String) {
        self.id = id
        self.kind = kind
        self.due = due
        self.sequence = sequence
        self.account = account
        self.subject = subject
    }

    init?(_ json: JSONValue) {
        guard let id = json["id"].string, let kind = json["kind"].string.flatMap(Kind.init), let due = json["due"].int,
            let sequence = json["sequence"].int, let account = json["account"].string,
            let subject = json["subject"].string
        else { return nil }
        self.init(
            id: id, kind: kind, due: due, sequence: UInt64(sequence), account: account, subject: subject)
    }
}

/// Jobs in the order of their time: a binary heap whose replaced and canceled entries are dropped when they surface.
struct JobQueue {
    private var heap: [Job] = []
    private(set) var jobs: [String: Job] = [:]

    var next: Job? {
        mutating get {
            while let first = heap.first {
                if jobs[first.id] == first { return first }
                removeFirst()
            }
            return nil
        }
    }

    mutating func insert(_ job: Job) {
        jobs[job.id] = job
        heap.append(job)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard Self.precedes(heap[index], heap[parent]) else { break }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    mutating func remove(_ id: String) { jobs[id] = nil }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && Self.precedes(heap[child], heap[least]) {
                least = child
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }

    private static func precedes(_ left: Job, _ right: Job) -> Bool {
        (left.due, left.sequence) < (right.due, right.sequence)
    }
}
