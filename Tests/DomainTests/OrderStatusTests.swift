import Domain
import Testing

@Suite struct OrderStatusTests {
    static let changes: [OrderChange] = [
        .newTry, .actionRequired, .processing, .authorized, .paid, .declined, .expired, .canceled,
        .refundedInAll(1, of: 2), .failedLate,
    ]

    @Test(
        "The ways of an order",
        arguments: [
            ([.paid], .paid),
            ([.actionRequired, .paid], .paid),
            ([.declined, .newTry, .paid], .paid),
            ([.processing, .declined], .paymentFailed),
            ([.expired, .newTry, .processing, .paid], .paid),
            ([.authorized, .paid], .paid),
            ([.authorized, .expired], .expired),
            ([.authorized, .canceled], .canceled),
            ([.paid, .refundedInAll(2500, of: 10_000)], .partiallyRefunded),
            ([.paid, .refundedInAll(2500, of: 10_000), .refundedInAll(10_000, of: 10_000)], .refunded),
            // The bank could not take the refund: the order is paid again.
            ([.paid, .refundedInAll(10_000, of: 10_000), .refundedInAll(0, of: 10_000)], .paid),
            ([.paid, .failedLate], .failedAfterPayment),
            // A payment may still succeed after its page ran out, if it had begun before.
            ([.expired, .paid], .paid),
        ] as [([OrderChange], OrderStatus)])
    func ways(changes: [OrderChange], end: OrderStatus) throws {
        var status = OrderStatus.awaitingPayment
        for change in changes { status = try status.applying(change) }
        #expect(status == end)
    }

    @Test("A canceled order takes no payment, and a paid one is never unpaid, canceled or expired")
    func finality() {
        for change in Self.changes where change != .canceled {
            #expect(throws: IllegalTransition.self) { try OrderStatus.canceled.applying(change) }
        }
        for status in [OrderStatus.paid, .partiallyRefunded, .refunded, .failedAfterPayment] {
            for change in [OrderChange.newTry, .declined, .expired, .canceled, .authorized, .processing] {
                #expect(throws: IllegalTransition.self) { try status.applying(change) }
            }
        }
        for change in Self.changes where change != .failedLate {
            #expect(throws: IllegalTransition.self) { try OrderStatus.failedAfterPayment.applying(change) }
        }
    }

    @Test("Telling the same thing twice changes nothing the second time")
    func repeats() throws {
        for status in OrderStatus.allCases {
            for change in Self.changes {
                guard let once = try? status.applying(change) else { continue }
                // A new try is an act of ours, not a fact that is told again.
                if change == .newTry { continue }
                #expect(try once.applying(change) == once, "\(status) \(change)")
            }
        }
    }

    @Test("Money with us and payments that may begin exclude each other")
    func exclusive() {
        for status in OrderStatus.allCases { #expect(!(status.isPaid && status.acceptsPayment)) }
    }
}
