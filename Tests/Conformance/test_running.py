"""The whole of Souk as the other tests use it: up, on a database of its own, with a sandbox."""

from running import Souk


def test_a_whole_souk_runs(souk):
    assert souk.call("GET", "/readyz").status == 200
    assert souk.call("GET", "/v1/sellers", Authorization="Bearer souk_test_wrong").status == 401
    seller = souk.call("POST", "/v1/sellers", {
        "external_id": "running-1", "email": "ana@example.com", "country": "US", "business_type": "individual"}, expect=201)
    souk.control("POST", f"accounts/{seller['stripe_account']}/onboard", {"outcome": "complete"})
    souk.settle()
    assert souk.call("GET", f"/v1/sellers/{seller['id']}", expect=200)["status"] == "active"


def test_no_secret_is_logged(cluster, tmp_path):
    """Not even at the finest level, where every service is named as it starts and as it ends."""
    encryption_key = "0123456789abcdef" * 4
    souk = Souk(cluster, tmp_path, environment={"SOUK_LOG_LEVEL": "trace", "SOUK_ENCRYPTION_KEYS": encryption_key})
    souk.start().stop()
    log = (tmp_path / "souk.log").read_text()
    assert "SoukProcess" in log
    for secret in (souk.key, encryption_key, "whsec_"):
        assert secret not in log
