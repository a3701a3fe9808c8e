// StripeAPI
