extension RouteTable {
    /// Every endpoint of Stripe that the sandbox answers.
    static func stripe() throws -> RouteTable {
        var builder = try RouteBuilder()
        try Accounts.declare(&builder)
        try ExternalAccounts.declare(&builder)
        try Persons.declare(&builder)
        try Events.declare(&builder)
        try WebhookEndpoints.declare(&builder)
        try Balance.declare(&builder)
        try Customers.declare(&builder)
        try PaymentMethods.declare(&builder)
        try PaymentIntents.declare(&builder)
        try CheckoutSessions.declare(&builder)
        try Charges.declare(&builder)
        try Refunds.declare(&builder)
        try Disputes.declare(&builder)
        try EarlyFraudWarnings.declare(&builder)
        try Transfers.declare(&builder)
        try ApplicationFees.declare(&builder)
        try Payouts.declare(&builder)
        try Topups.declare(&builder)
        return RouteTable(builder.routes)
    }
}
