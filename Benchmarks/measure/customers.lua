-- Creates customers at a Stripe sandbox, each with an address of its own.
local number = 0

function request()
    number = number + 1
    return wrk.format("POST", nil, {
        ["Authorization"] = "Bearer sk_test_bench", ["Content-Type"] = "application/x-www-form-urlencoded",
    }, "email=buyer" .. number .. "%40example.com&name=Buyer+" .. number .. "&metadata%5Bn%5D=" .. number)
end

function done(summary)
    local errors = summary.errors
    io.write(string.format('counts: {"answers": %d, "seconds": %f, "not_2xx": %d, "failed": %d}\n', summary.requests,
        summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
