import Domain
import Ledger
import Postgres
import Store
import Synchronization
import TestSupport
import Testing

/// Nearly every entry moves the platform's few accounts: those who post to them at the same time must not wait for each other's
/// whole transactions, nor for each other in a circle.
@Suite(.database) struct SharedAccountTests {
    private struct WallBusinessClock: BusinessClock {
        func now() async throws -> Timestamp { WallClock.now() }
    }

    private final class Attempts: Sendable {
        let count = Mutex(0)
    }

    private let store = Store(postgres: TestDatabase.current.postgres, clock: WallBusinessClock())
    private let accounts: [LedgerAccount] = [.applicationFeeRevenue, .stripeFees, .taxCollected, .promotionExpense]

    private func entry(_ cause: String, from: LedgerAccount, to: LedgerAccount, _ amount: Int64) throws -> JournalEntry
    {
        try JournalEntry(
            cause: Cause(rawValue: cause), effectiveAt: WallClock.now(), dimensions: Dimensions(owner: .platform),
            postings: Posting.debit(from, Money(amount, .usd)) + Posting.credit(to, Money(amount, .usd)))
    }

    private func balance(_ account: LedgerAccount) async throws -> Int64 {
        let rows = try await store.query("SELECT balance_minor FROM ledger_accounts WHERE code = \(account.code)")
        return try rows.first?.get(0) ?? 0
    }

    @Test("an open transaction that has posted keeps nobody else from posting to the same accounts")
    func openTransaction() async throws {
        // The first entry of an account makes it, and is waited for.
        try await store.transaction { try await $0.append([entry("first", from: .stripeFees, to: .taxCollected, 1)]) }
        let others = Signal("the other transaction has ended")
        let posted = Signal("the first transaction has posted")
        async let slow: Void = store.transaction { transaction in
            try await transaction.append([entry("slow", from: .stripeFees, to: .taxCollected, 10)])
            await posted.raise()
            try await others.wait()
        }
        try await posted.wait()
        try await store.transaction { try await $0.append([entry("quick", from: .stripeFees, to: .taxCollected, 100)]) }
        #expect(try await balance(.stripeFees) == 101)
        await others.raise()
        try await slow
        #expect(try await balance(.stripeFees) == 111)
        #expect(try await balance(.taxCollected) == -111)
    }

    @Test(
        "what many post at once, in any order and several steps, ends in no deadlock and sums up", .serialized,
        arguments: Seeds.make(defaultCount: 2))
    func anyOrder(seed: UInt64) async throws {
        for (account, next) in zip(accounts, accounts.dropFirst()) {
            try await store.transaction { try await $0.append([entry("\(account)", from: account, to: next, 1)]) }
        }
        let attempts = Attempts()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    var random = SeededGenerator(seed: seed &+ UInt64(writer))
                    for number in 0..<20 {
                        let pairs = (0..<3).map { _ in Array(accounts.shuffled(using: &random).prefix(2)) }
                        try await store.transaction { transaction in
                            attempts.count.withLock { $0 += 1 }
                            for (step, pair) in pairs.enumerated() {
                                let cause = "\(writer):\(number):\(step)"
                                try await transaction.append([entry(cause, from: pair[0], to: pair[1], 7)])
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(attempts.count.withLock(\.self) == 8 * 20, "a transaction had to give way")
        let differing = try await store.query(
            """
            SELECT code FROM ledger_accounts a
            WHERE balance_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM postings p WHERE p.account_id = a.id)
            """)
        #expect(differing.isEmpty)
        #expect(try await store.query("SELECT count(*) FROM journal_entries")[0].get(0) == Int64(3 + 8 * 20 * 3))
    }
}
