use super::*;

#[test]
fn a_model_that_is_no_object_is_refused_with_its_id_and_line() {
    for value in ["3", "null", "[]", "\"chat\"", "true"] {
        let prices = format!("{{\n\"gpt-4\": {{\"rpm\": 1}},\n\"gpt-5\": {value}\n}}\n");
        let parts = ["model \"gpt-5\"", "not an object of attributes", "write the attributes"];
        assert_refused(&prices, ":3:", &parts);
    }
}

#[test]
fn a_record_cut_short_on_the_first_line_is_refused_with_how_to_write_records() {
    let parts = ["model \"id\"", "one record a line", "complete object with `id`"];
    let contents = [
        "{\"id\": \"vit_tiny\", \"current\": \"1.2\"}\n",
        "{\"id\": \"vit_tiny\", \"attributes\": {}\n",
    ];
    for content in contents {
        assert_refused(content, ":1:", &parts);
    }
}

#[test]
fn an_attribute_that_cannot_be_held_is_refused_with_its_model_and_line() {
    let deep = "[".repeat(17) + &"]".repeat(17);
    let long = format!("\"{}\"", "x".repeat(70_000));
    for (value, remedy) in [(deep, "flatten it"), (long, "shorten it")] {
        let parts = ["model \"gpt-5\"", "attribute tiers", remedy];
        for rest in ["", ",\n\"tpm\": 2"] {
            let prices = format!("{{\n\"gpt-5\": {{\n\"rpm\": 1,\n\"tiers\": {value}{rest}\n}}\n}}");
            assert_refused(&prices, ":4:", &parts);
        }
    }
}

#[test]
fn an_attribute_with_a_wrong_name_is_refused_on_its_line() {
    for value in ["1", "true", "-1", "0.5", "\"x\"", "[]", "{}"] {
        let prices = format!("{{\n\"gpt-5\": {{\n\" rpm\": {value}\n}}\n}}");
        let parts = ["attribute name", "begins or ends with a space", "correct it"];
        assert_refused(&prices, ":3:", &parts);
    }
}

#[test]
fn a_model_id_that_may_not_be_used_is_refused() {
    let prices = format!("{{\n\"{}\": {{}}}}", "m".repeat(257));
    assert_refused(&prices, ":2:", &["model name", "is too long", "correct it"]);
}
