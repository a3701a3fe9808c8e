import Domain
import StripeAPI
import Testing

@Suite struct FormEncoderTests {
    @Test("values are written as Stripe reads them")
    func values() {
        var form = FormEncoder()
        form.set("amount", Int64(1050))
        form.set("absent", nil as String?)
        form.set("confirm", true)
        form.set("off_session", false)
        form.set("currency", Currency.usd)
        form.set("customer", StripeCustomerID("cus_1"))
        form.set("expires_at", Timestamp(milliseconds: 1_790_000_000_999))
        form.unset("description")
        #expect(
            form.encoded
                == "amount=1050&confirm=true&off_session=false&currency=usd&customer=cus_1&expires_at=1790000000"
                + "&description=")
    }

    @Test("arrays are indexed, an empty one clears, metadata goes by key")
    func collections() {
        var form = FormEncoder()
        form.set("expand", list: ["customer", "latest_charge.balance_transaction"])
        form.set("enabled_events", list: [])
        form.set("types", list: nil)
        form.set("metadata", metadata: ["b": "2", "a": "1", "gone": ""])
        #expect(
            form.encoded
                == "expand[0]=customer&expand[1]=latest_charge.balance_transaction&enabled_events="
                + "&metadata[a]=1&metadata[b]=2&metadata[gone]=")
    }

    @Test("nothing in a value or a name can become structure")
    func escaping() {
        var form = FormEncoder()
        form.set("description", "a&b=c d+e%f[0]é🪑\n")
        form.set("metadata", metadata: ["k&x=1": "v"])
        #expect(
            form.encoded
                == "description=a%26b%3Dc%20d%2Be%25f%5B0%5D%C3%A9%F0%9F%AA%91%0A&metadata[k%26x%3D1]=v")
    }

    @Test("an id cannot leave its place in the path")
    func path() {
        let id = StripeTransferID("tr_1/reversals?x=1#y/../..")
        let path: StripePath = "/v1/transfers/\(id)/reversals"
        #expect(path.text == "/v1/transfers/tr_1%2Freversals%3Fx%3D1%23y%2F..%2F../reversals")
    }

    @Test("parameters go to the query of a GET or DELETE and to the body of a POST")
    func place() {
        var form = FormEncoder()
        form.set("limit", 1)
        #expect(StripeRequest(.get, "/v1/x", form: form).path == "/v1/x?limit=1")
        #expect(StripeRequest(.delete, "/v1/x", form: form).body == [])
        #expect(StripeRequest(.post, "/v1/x", form: form).path == "/v1/x")
        #expect(StripeRequest(.post, "/v1/x", form: form).body == Array("limit=1".utf8))
        #expect(StripeRequest(.get, "/v1/x").path == "/v1/x")
        #expect(StripeRequest(.get, "/v1/customers", form: form).pathForLogs == "/v1/customers")
    }
}
