//! Where each mistake of the field has its test: what other gateways were advised of, and
//! what is known of pingora. The tests with an advisory's number in their name are found
//! by it; this is the map of the rest.

/// A mistake, the advisories that it led to, and the tests that keep us from it.
const MAP: [(&str, &str, &[&str]); 13] = [
    (
        "an identity header of the client's: any case, twins, repeated, padded, in trailers, nominated",
        "CVE-2025-64484 GHSA-7r4p-vjf4-gxv4 GHSA-f59h-q822-g45g GHSA-w9mr-28mw-j8hg",
        &[
            "disguised_names::cve_2025_64484_ghsa_7r4p_vjf4_gxv4_every_twin_of_every_identity_header_is_removed",
            "disguised_names::ghsa_f59h_q822_g45g_custom_headers_have_the_same_protection",
            "disguised_names::ghsa_w9mr_28mw_j8hg_repeated_padded_and_nominated",
            "disguised_names::trailers_say_nothing",
            "disguised_names::over_http_2_no_twin_passes",
        ],
    ),
    (
        "a path that is public by another spelling",
        "CVE-2025-54576 CVE-2026-41059 CVE-2026-33494 CVE-2026-48794",
        &[
            "disguised_paths::cve_2025_54576_cve_2026_41059_cve_2026_33494_cve_2026_48794_no_spelling_makes_a_path_public",
            "disguised_paths::no_spelling_slips_around_a_role",
            "disguised_paths::targets_of_another_form_open_nothing",
            "disguised_paths::over_http_2_no_spelling_is_another",
            "gate::ambiguous_paths_are_refused_whoever_asks",
        ],
    ),
    (
        "X-Forwarded-* of a stranger is believed",
        "CVE-2026-40575 CVE-2024-21494 CVE-2024-21499 CVE-2023-36456 CVE-2026-33495",
        &[
            "a_strangers_word::cve_2026_40575_cve_2024_21494_what_a_stranger_says_of_itself_is_removed_in_every_spelling",
            "a_strangers_word::cve_2024_21494_cve_2024_21499_a_strangers_address_and_scheme_decide_nothing",
            "a_strangers_word::a_trusted_proxy_may_not_override_and_passes_no_twin_on",
            "forwarded::a_stranger_is_not_believed",
        ],
    ),
    (
        "a request is exempt for its User-Agent",
        "CVE-2026-34457",
        &["a_strangers_word::cve_2026_34457_cve_2026_33495_nothing_that_a_client_says_exempts_it"],
    ),
    (
        "an open redirect",
        "CVE-2021-21291 CVE-2024-21497",
        &[
            "open_redirects::cve_2021_21291_no_line_of_oauth2_proxys_list_leads_away",
            "open_redirects::cve_2024_21497_cve_2021_21291_no_trick_leads_away",
            "open_redirects::a_real_browser_stays_here",
        ],
    ),
    (
        "a name, a way back or an error becomes markup",
        "CVE-2024-21496 CVE-2023-52430 CVE-2026-33525",
        &[
            "markup::cve_2024_21496_cve_2023_52430_cve_2026_33525_no_text_becomes_markup",
            "markup::a_real_browser_runs_nothing",
        ],
    ),
    (
        "a request is smuggled",
        "CVE-2026-2833 CVE-2026-2835 CVE-2025-4366",
        &[
            "smuggling::cl_te_and_te_cl_are_refused",
            "smuggling::te_te_is_refused_however_the_coding_is_disguised",
            "smuggling::a_length_is_one_number_or_a_refusal",
            "smuggling::cve_2025_4366_a_body_that_nobody_reads_is_no_request",
            "smuggling::a_body_that_breaks_off_takes_its_connection_with_it",
            "smuggling_lines::lines_end_with_crlf_and_are_never_folded",
            "smuggling_lines::chunks_are_measured_once_and_anew",
            "smuggling::cve_2026_2835_http_1_0_knows_no_chunks",
            "smuggling_lines::cve_2026_2833_bytes_behind_an_upgrade_are_no_request",
            "websockets::cve_2026_2833_bytes_behind_a_websocket_are_no_request",
            "smuggling_h2::a_length_that_lies_about_the_data_ends_the_stream_and_smuggles_nothing",
            "refusals::cve_2025_4366_a_refused_upload_does_not_become_a_request",
        ],
    ),
    (
        "a Strict cookie is worked around from another site: link, form, frame, endless refresh",
        "",
        &[
            "browser::a_link_from_another_site_finds_the_session",
            "browser::a_link_from_another_site_without_a_session_leads_to_the_form_and_on",
            "browser::another_site_cannot_frame_or_post",
            "refusals::an_arrival_from_another_site_without_our_cookie_is_bounced",
        ],
    ),
    (
        "an Origin, a Sec-Fetch-Site or a token is read in another way than was promised",
        "",
        &[
            "cors_csrf_table::every_combination_with_csrf_by_origin",
            "cors_csrf_table::every_combination_with_csrf_by_token",
            "cors_csrf_table::every_combination_with_csrf_by_both",
            "cors_csrf_table::every_combination_with_csrf_off",
            "answers_of_the_app::the_apps_access_control_headers_are_ours_to_say",
        ],
    ),
    (
        "two hosts, none, or another one",
        "",
        &[
            "hosts::a_host_is_there_once_and_is_one",
            "hosts::an_absolute_target_names_the_same_host",
            "hosts::with_public_url_no_other_name_is_served_however_it_is_said",
            "smuggling_h2::authority_and_host_agree_or_are_refused",
        ],
    ),
    (
        "a text becomes a header or a line of the log",
        "",
        &[
            "injected::texts_of_a_user_stay_one_printable_value",
            "injected::line_ends_in_texts_of_a_user_are_refused",
            "injected::a_line_of_the_log_is_one_event",
            "injected::a_line_of_the_json_log_is_one_object",
        ],
    ),
    (
        "an answer of the app is split, or sets our cookies",
        "",
        &[
            "answers_of_the_app::an_answer_is_not_split",
            "answers_of_the_app::framing_that_may_be_read_in_two_ways_is_a_bad_gateway_or_rewritten",
            "answers_of_the_app::a_body_where_there_can_be_none_is_not_the_next_answer",
            "answers_of_the_app::set_cookie_of_our_names_is_dropped_in_every_spelling",
        ],
    ),
    (
        "what pingora does, and we rely on",
        "",
        &[
            "forward::an_upgrade_to_something_else_needs_a_session_too",
            "identity::a_nominated_cookie_header_hides_no_session",
            "h2::cookies_that_were_split_are_put_together",
            "login_body::a_login_that_waits_for_100_continue_gets_it",
            "forward::a_post_is_never_sent_twice",
            "websockets::three_hundred_handshakes_all_echo",
            "refusals::a_refusal_keeps_the_connection",
            "pingora::an_answer_before_the_body_ends_the_connection_and_one_after_it_does_not",
            "pingora::a_request_without_a_body_is_not_waited_for",
            "pingora::an_expectation_of_a_forwarded_request_is_met",
            "pingora::what_does_not_parse_is_answered_before_any_hook",
            "pingora::pingoras_own_limits_stand_behind_ours",
            "pingora::a_breakdown_of_the_app_is_told_to_an_allowed_origin",
            "pingora::connections_to_the_app_are_shared_and_know_nobody",
            "pingora::a_connection_that_the_app_closed_is_not_fatal_to_a_get",
            "pingora::names_are_spelled_as_we_spell_them",
        ],
    ),
];

#[test]
fn the_map_leads_to_tests_that_are_there() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    for (mistake, advisories, tests) in MAP {
        assert!(!tests.is_empty(), "nothing keeps us from this: {mistake}");
        for test in tests {
            let (file, name) = test.split_once("::").expect("file::test");
            let source = std::fs::read_to_string(format!("{folder}/{file}.rs")).unwrap();
            assert!(
                source.contains(&format!("#[test]\nfn {name}(")),
                "{test} is gone"
            );
        }
        for advisory in advisories.split_whitespace() {
            let numbered = advisory.starts_with("CVE-") || advisory.starts_with("GHSA-");
            assert!(numbered, "{advisory} is no advisory");
        }
    }
}
