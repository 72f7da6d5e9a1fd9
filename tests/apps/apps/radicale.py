"""Radicale: CalDAV, with its methods, its depth and the user from a header of Doorward."""

from __future__ import annotations

from app import App, Visit, must
from stage import Stage

CONFIG = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = http_x_remote_user
[storage]
filesystem_folder = {folder}/collections
[rights]
type = owner_only
"""
MAKE = """<?xml version="1.0"?><C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:set><D:prop><D:displayname>Trial</D:displayname></D:prop></D:set></C:mkcalendar>"""
EVENT = "\r\n".join([
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//doorward//trial//EN", "BEGIN:VEVENT", "UID:one@app.example", "DTSTAMP:20260101T000000Z",
    "DTSTART:20260102T100000Z", "DTEND:20260102T110000Z", "SUMMARY:Tea through the gateway", "END:VEVENT", "END:VCALENDAR", "",
])
QUERY = """<?xml version="1.0"?><C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:prop><D:getetag/><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">
<C:time-range start="20260101T000000Z" end="20260103T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"""


class Radicale(App):
    """Calendars that belong to whoever Doorward says is there."""

    name = "radicale"
    # The header by which it takes users from a proxy.
    settings = """
identity_headers: { preset: none, set: { X-Remote-User: username } }
"""
    refused = {("PROPFIND", "/", "session_required"): "its login page asks once without cookies, to learn whether it must ask for a name"}
    addresses = ("/", "/.web/", "/alice/", "/alice/trial/one.ics", "/.well-known/caldav")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        config = stage.write("radicale.conf", CONFIG.format(port=port, folder=stage.folder))
        stage.start("radicale", [stage.python(), "-m", "radicale", "--config", config])

    def use(self, visit: Visit) -> str:
        ask = visit.client.ask
        xml = {"Content-Type": "application/xml; charset=utf-8"}
        found = ask("PROPFIND", "/", '<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>', xml | {"Depth": "0"})
        must(found.status == 207 and "/alice/" in found.text, found)
        must(ask("MKCALENDAR", "/alice/trial/", MAKE, xml).status == 201, "MKCALENDAR")
        put = ask("PUT", "/alice/trial/one.ics", EVENT, {"Content-Type": "text/calendar", "If-None-Match": "*"})
        must(put.status == 201, put)
        report = ask("REPORT", "/alice/trial/", QUERY, xml | {"Depth": "1"})
        must(report.status == 207 and "Tea through the gateway" in report.text, report)
        lost = ask("PUT", "/alice/trial/one.ics", EVENT, {"Content-Type": "text/calendar", "If-Match": '"another"'})
        must(lost.status == 412, f"If-Match was not heard: {lost}")
        must(ask("PROPFIND", "/bob/", "", {"Depth": "0"}).status == 403, "somebody else's calendars are open")
        browser = visit.browser
        browser.sign_in("/.web/")
        browser.element("form[data-name=form] input[data-name=user]").send_keys("alice")
        browser.click("#loginscene button[type=submit], #loginscene button")
        browser.shows("Trial")
        return "a calendar was made, an event put and found by REPORT, as the user of Doorward's header"
