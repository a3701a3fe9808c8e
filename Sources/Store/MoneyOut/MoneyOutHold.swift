package import Domain
import Postgres

/// Why an operation that would let money out waits for a person.
package struct MoneyOutHold: Hashable, Sendable {
    /// Its end wakes the operation; this is for an end that nobody told of.
    package static let pause: Duration = .seconds(24 * 3600)

    package let reason: String
    /// As whose change it is woken.
    package let waitsFor: String

    /// What waits for the switch.
    static let switchName = "money_out"

    /// A second person must agree.
    static func approval(_ excess: String) -> MoneyOutHold {
        MoneyOutHold(reason: "needs approval: \(excess)", waitsFor: "approval")
    }

    static func everything(_ reason: String) -> MoneyOutHold {
        MoneyOutHold(reason: "all money out is held: \(reason)", waitsFor: switchName)
    }
}

/// Whether anything may leave, and what waits for a person.
package struct MoneyOutStanding: Sendable {
    package struct Held: Sendable {
        package let since: Timestamp
        /// A key, or the shell.
        package let by: String
        package let reason: String
    }

    /// Nil while money may leave.
    package let held: Held?
    /// Sent before, and their end is not known yet: Stripe may have done them, or do them still.
    package let inFlight: Int64
    /// They wait for the switch.
    package let waiting: Int64
    /// They wait for a second person.
    package let needingApproval: Int64
}

extension StoreTransaction {
    /// Why nothing may leave now; nil if it may. The switch stays as it is until the transaction ends: whoever holds all
    /// money out knows when they are answered which operations were quicker, and nothing comes to wait for a hold that is
    /// just lifted.
    package func moneyOutHold() async throws -> MoneyOutHold? {
        guard let row = try await query("SELECT reason FROM money_out_switch FOR SHARE").first else {
            throw MoneyOutError.switchMissing
        }
        return try row.get("reason", as: String?.self).map(MoneyOutHold.everything)
    }

    /// Why a held operation must not be prepared: a second person has yet to agree, or everything is held. A transfer is
    /// counted when it is prepared, and ends where refunds have left nothing of it.
    func moneyOutHold(of operation: OperationRecord) async throws -> MoneyOutHold? {
        let waiting = try await query(
            """
            SELECT excess FROM money_out
            WHERE operation_id = \(operation.id) AND approval = 'needed' AND kind <> \(MoneyOutKind.transfer.rawValue)
            """)
        if let row = waiting.first { return .approval(try row.get("excess")) }
        return try await moneyOutHold()
    }

    /// Takes an operation that was never sent out of the worker's way until money may leave again. Its bytes stay.
    func pause(_ operation: OperationRecord, for hold: MoneyOutHold) async throws {
        try await execute(
            """
            UPDATE stripe_operations
            SET due_at = \(now.advanced(by: MoneyOutHold.pause)), reason = \(hold.reason), waits_for = \(hold.waitsFor),
                lease_until = NULL
            WHERE id = \(operation.id) AND lease_number = \(operation.leaseNumber)
            """)
    }

    /// Holds everything that leaves, from this transaction's commit on. Repeating it changes nothing.
    package func holdMoneyOut(because reason: String, by caller: Caller) async throws {
        let changed = try await execute(
            """
            UPDATE money_out_switch SET held_at = \(now), held_by = \(caller.name), reason = \(reason)
            WHERE held_at IS NULL
            """)
        guard changed == 1 else { return }
        try await audit("money_out.hold", subject: MoneyOutHold.switchName, by: caller, details: ["reason": reason])
    }

    /// Lets money leave again: what waited for it goes by itself. Repeating it changes nothing.
    package func releaseMoneyOut(because reason: String, by caller: Caller) async throws {
        let changed = try await execute(
            """
            UPDATE money_out_switch SET held_at = NULL, held_by = NULL, reason = NULL WHERE held_at IS NOT NULL
            """)
        guard changed == 1 else { return }
        // One that somebody works on at this moment is about to look at the switch, and waits for this transaction.
        try await execute(
            """
            UPDATE stripe_operations SET due_at = \(now) WHERE id IN (
                SELECT id FROM stripe_operations
                WHERE waits_for = \(MoneyOutHold.switchName) AND state IN ('held', 'pending')
                ORDER BY id FOR UPDATE SKIP LOCKED)
            """)
        try await audit("money_out.release", subject: MoneyOutHold.switchName, by: caller, details: ["reason": reason])
    }
}

extension Store {
    /// `kinds` are those of operations that let money out.
    package func moneyOutStanding(_ kinds: [OperationKind]) async throws -> MoneyOutStanding {
        let rows = try await query(
            """
            SELECT s.held_at, s.held_by, s.reason,
                (SELECT count(*) FROM stripe_operations o
                 WHERE o.state = 'sent' AND o.kind = ANY (\(kinds.map(\.rawValue)))) AS in_flight,
                (SELECT count(*) FROM stripe_operations o
                 WHERE o.state IN ('held', 'pending') AND o.waits_for = \(MoneyOutHold.switchName)) AS waiting,
                (SELECT count(*) FROM money_out m JOIN stripe_operations o ON o.id = m.operation_id
                 WHERE m.approval = 'needed' AND o.state = 'held') AS needing_approval
            FROM money_out_switch s
            """)
        guard let row = rows.first else { throw MoneyOutError.switchMissing }
        let since: Timestamp? = try row.get("held_at")
        return MoneyOutStanding(
            held: try since.map {
                MoneyOutStanding.Held(since: $0, by: try row.get("held_by"), reason: try row.get("reason"))
            },
            inFlight: try row.get("in_flight"), waiting: try row.get("waiting"),
            needingApproval: try row.get("needing_approval"))
    }
}

/// Something is wrong with Souk's own rows: for the log and the operation's reason, never for callers.
enum MoneyOutError: Error, CustomStringConvertible {
    case switchMissing
    /// A second person refused what no person decides about.
    case notDecided(OperationKind)

    var description: String {
        switch self {
        case .switchMissing: "the one row of money_out_switch is not there, so nothing may leave"
        case .notDecided(let kind): "operations of the kind '\(kind)' wait for no person"
        }
    }
}
