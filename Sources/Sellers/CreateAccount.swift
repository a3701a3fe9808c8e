import Domain
import Store
import StripeAPI

/// What Stripe must be told about accounts that Souk makes for sellers.
extension CreateAccount {
    /// An Express account in today's form: the platform pays Stripe's fees and bears losses, Stripe collects what it
    /// needs from the seller and shows them the Express dashboard (stripe.com, "Account controller properties").
    ///
    /// The two ids in the metadata tie the account to the seller and to the operation that made it, whatever happens to
    /// Stripe's answer.
    init(_ application: SellerApplication, seller: ID<Seller>, operation: ID<Operation>) {
        self.init(
            country: application.country, email: application.email, businessType: application.businessType?.rawValue,
            businessProfile: AccountProfile(
                name: application.businessProfile?.name, mcc: application.businessProfile?.mcc,
                url: application.businessProfile?.url,
                productDescription: application.businessProfile?.productDescription),
            metadata: ["souk_operation": operation.rawValue, "souk_seller": seller.rawValue])
    }
}
