-- Sends the requests of a file, one after the other: all are of one length, written and signed before the run.
local file, size

function init(arguments)
    file = assert(io.open(arguments[1], "rb"))
    size = tonumber(arguments[2])
end

function request()
    return assert(file:read(size), "the file of requests is used up")
end

function done(summary)
    local errors = summary.errors
    io.write(string.format('counts: {"answers": %d, "seconds": %f, "not_2xx": %d, "failed": %d}\n', summary.requests,
        summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
