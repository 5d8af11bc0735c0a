#include "core/json.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/coded_store.hpp"
#include "core/open_sessions.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;

struct JsonSample {
  static constexpr std::string_view locum_type_name = "tests.json_sample";

  int steps = 0;
  double length = 0;
  std::string title;
  std::vector<double> weights;
  std::map<std::string, bool> switches;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(JsonSample, steps, length, title, weights, switches)
  bool operator==(const JsonSample&) const = default;
};

const JsonSample json_sample{3, 0.1, "gr\xC3\xBC\xC3\x9F", {1, 2.5}, {{"fast", true}}};
constexpr std::string_view json_sample_text = R"({
  "length": 0.1,
  "steps": 3,
  "switches": {
    "fast": true
  },
  "title": "gr)"
                                              "\xC3\xBC\xC3\x9F"
                                              R"(",
  "weights": [
    1.0,
    2.5
  ]
}
)";

/// Reads objects of raw bytes, and nothing that Json wrote.
struct RawLength {
  static constexpr std::string_view name = "length";
  static constexpr bool reads_raw_bytes = true;
  static void decode(std::span<const std::byte> bytes, std::size_t& length) { length = bytes.size(); }
};
/// The same, and does not say that it reads raw bytes.
struct TypedLength {
  static constexpr std::string_view name = "shy";
  static void decode(std::span<const std::byte> bytes, std::size_t& length) { length = bytes.size(); }
};

class JsonTest : public ::testing::Test {
 protected:
  [[nodiscard]] Store plain() const { return open("file:" + folder_.path() + "?sync=0&plain=1").value(); }
  [[nodiscard]] fs::path path(std::string_view name) const {
    return fs::path(folder_.path()) / "default" / name;
  }
  [[nodiscard]] std::string file(std::string_view name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  template <class T>
  static T got(const Store& store, std::string_view name) {
    const auto view = store.get<T>(name, {.codec = Json{}}).value();
    return *view;
  }
  // What get says of a text that somebody else put there.
  template <class T = JsonSample>
  static Result<View<T>> read(std::string_view text) {
    const Store store = open("simple:").value();
    store.put_bytes("text", std::as_bytes(std::span(text))).value();
    return store.get<T>("text", {.codec = Json{}});
  }
  template <class T = JsonSample>
  static std::string error_of(std::string_view text) {
    const auto result = read<T>(text);
    EXPECT_EQ(code_of(result), Errc::corrupt);
    std::string what = result ? "" : result.error().what();
    EXPECT_LT(what.size(), 700U) << what;
    return what;
  }

 private:
  TemporaryFolder folder_;
};

#define LOCUM_EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(JsonTest, ComesBackFromEachBackend) {
  for (const Store& store : {open("simple:").value(), plain()}) {
    store.put("config", json_sample, {.codec = Json{}}).value();
    EXPECT_EQ(got<JsonSample>(store, "config"), json_sample);
    EXPECT_EQ(store.get_async<JsonSample>("config", {.codec = Json{}}).get().value()->steps, 3);
    const auto stand_in = store.proxy<JsonSample>("config", {.codec = Json{}}).value();
    EXPECT_EQ(*stand_in, json_sample);
    const auto bytes = store.get_bytes("config").value();
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), json_sample_text);

    const auto texts = store.with(Json{});
    texts.put("map", std::map<std::string, std::vector<int>>{{"a", {1, 2}}, {"b", {}}}).value();
    EXPECT_EQ((texts.get<std::map<std::string, std::vector<int>>>("map").value()->at("a")[1]), 2);
    texts.put("literal", "text").value();
    EXPECT_EQ(got<std::string>(store, "literal"), "text");
    texts.put("any", nlohmann::json{{"a", nullptr}}).value();
    EXPECT_TRUE(texts.get<nlohmann::json>("any").value()->at("a").is_null());
    texts.put("yes", true).value();
    EXPECT_TRUE(got<bool>(store, "yes"));
  }
  EXPECT_EQ(file("config"), json_sample_text);
}

TEST_F(JsonTest, AFileEditedByHandIsANewGeneration) {
  const Store store = plain();
  store.put("config", json_sample, {.codec = Json{}}).value();
  const auto before = store.proxy<JsonSample>("config", {.codec = Json{}}).value();
  const Handle handle = before.handle();
  EXPECT_EQ(proxy<JsonSample>(handle, {.codec = Json{}})->steps, 3);

  std::string text = file("config");
  text.replace(text.find('3'), 1, "  4000  ");
  std::ofstream(path("config"), std::ios::binary) << text;
  EXPECT_EQ(store.get<JsonSample>("config", {.codec = Json{}}).value()->steps, 4000);
  EXPECT_EQ(code_of(proxy<JsonSample>(handle, {.codec = Json{}}).get()), Errc::stale);
  EXPECT_NE(store.info("config").value().generation, handle.generation);
  EXPECT_EQ(code_of(store.replace("config", json_sample,
                                  {.codec = Json{}, .expected_generation = handle.generation})),
            Errc::stale);
  // A file that was never the library's.
  std::ofstream(path("settings.json"), std::ios::binary) << R"({"b": [true, false]})";
  const auto settings =
      store.get<std::map<std::string, std::vector<bool>>>("settings.json", {.codec = Json{}});
  EXPECT_TRUE(settings.value()->at("b")[0]);
}

TEST_F(JsonTest, NumbersComeBackExactly) {
  using Double = std::numeric_limits<double>;
  const std::vector<double> doubles{0.1,
                                    1.0 / 3,
                                    -0.0,
                                    Double::max(),
                                    Double::min(),
                                    Double::denorm_min(),
                                    Double::lowest(),
                                    5e-324 * 12345,
                                    1e23,
                                    123456789012345678.0};
  const Store store = open("simple:").value();
  store.put("doubles", doubles, {.codec = Json{}}).value();
  const auto read = store.get<std::vector<double>>("doubles", {.codec = Json{}}).value();
  EXPECT_EQ(*read, doubles);
  EXPECT_TRUE(std::signbit((*read)[2]));
  const std::vector<float> floats{0.1F, std::numeric_limits<float>::denorm_min(), 3e38F};
  store.put("floats", floats, {.codec = Json{}}).value();
  EXPECT_EQ(got<std::vector<float>>(store, "floats"), floats);
  store.put("u64", std::numeric_limits<std::uint64_t>::max(), {.codec = Json{}}).value();
  EXPECT_EQ(got<std::uint64_t>(store, "u64"), std::numeric_limits<std::uint64_t>::max());
  store.put("i64", std::numeric_limits<std::int64_t>::min(), {.codec = Json{}}).value();
  EXPECT_EQ(got<std::int64_t>(store, "i64"), std::numeric_limits<std::int64_t>::min());
}

TEST_F(JsonTest, RefusesWhatJsonCannotSay) {
  const Store store = open("simple:").value();
  const auto refused = [&](const auto& value) {
    const auto put = store.put("bad", value, {.codec = Json{}});
    EXPECT_EQ(code_of(put), Errc::invalid_argument);
    EXPECT_FALSE(store.exists("bad").value());
    return put ? std::string() : std::string(put.error().what());
  };
  const std::map<std::string, std::vector<double>> unknown{{"a", {1}}, {"b", {1, std::nan("")}}};
  LOCUM_EXPECT_SAYS(refused(unknown), "NaN nor infinity, which the value holds, at /b/1;");
  LOCUM_EXPECT_SAYS(refused(-std::numeric_limits<double>::infinity()), "the value holds; change");
  LOCUM_EXPECT_SAYS(refused(std::string("\xFF")), "not UTF-8");
  LOCUM_EXPECT_SAYS(refused(nlohmann::json::binary({1, 2})), "own formats");
  nlohmann::json deep = 1;
  for (int level = 0; level < 256; ++level) {
    deep = nlohmann::json::array({std::move(deep)});
  }
  store.put("deep", deep, {.codec = Json{}}).value();
  EXPECT_EQ(got<nlohmann::json>(store, "deep"), deep);
  LOCUM_EXPECT_SAYS(refused(nlohmann::json::array({deep})), "deeper than 256 levels");
}

TEST_F(JsonTest, SaysWhereATextIsWrong) {
  LOCUM_EXPECT_SAYS(error_of("{\n  \"steps\": 3,\n  \"length\" 0.1}"), "parse error at line 3, column 14");
  LOCUM_EXPECT_SAYS(error_of("{\n  \"steps\": 3,\n  \"length\" 0.1}"), "expected ':'");
  LOCUM_EXPECT_SAYS(error_of(json_sample_text.substr(0, json_sample_text.size() - 3)),
                    "at line 11, column 4");
  LOCUM_EXPECT_SAYS(error_of(""), "parse error at line 1, column 1");
  LOCUM_EXPECT_SAYS(error_of(std::string(json_sample_text) + "more"), "line 13, column 1");
  LOCUM_EXPECT_SAYS(error_of("\"\xC3(\""), "ill-formed UTF-8 byte; last read: '\"?('");
  LOCUM_EXPECT_SAYS(error_of("[1, 2]"), "codec json, type");
}

TEST_F(JsonTest, SaysWhichTypeOrMemberIsMissing) {
  std::string wrong(json_sample_text);
  wrong.replace(wrong.find("3,"), 1, "\"three\"");
  LOCUM_EXPECT_SAYS(error_of(wrong), "type must be number, but is string");
  LOCUM_EXPECT_SAYS(error_of(R"({"steps": 3})"), "key 'length' not found");
  LOCUM_EXPECT_SAYS(error_of<double>("null"), "type must be number, but is null");
  LOCUM_EXPECT_SAYS((error_of<std::array<int, 3>>("[1, 2]")), "out of range");
}

TEST_F(JsonTest, BoundsWhatATextAsksFor) {
  LOCUM_EXPECT_SAYS(error_of<double>(std::string(std::size_t{1} << 20U, '7')), "number overflow");
  LOCUM_EXPECT_SAYS(error_of<double>("\n\"[\\\"[\"" + std::string(std::size_t{1} << 20U, '[')),
                    "deeper than 256 levels at line 2, column 263");
  LOCUM_EXPECT_SAYS(error_of<double>(std::string(std::size_t{1} << 20U, ']')), "line 1, column 1");
  EXPECT_EQ(read<std::string>('"' + std::string(std::size_t{1} << 20U, '[') + '"').value()->size(),
            std::size_t{1} << 20U);
  const std::string longer((std::size_t{64} << 20U) + 1, ' ');
  LOCUM_EXPECT_SAYS(error_of<double>(longer),
                    "may have 67108864 bytes, this one has 67108865; read it by get_bytes");
  EXPECT_EQ(detail::size_of_json(std::string_view(longer).substr(1)), 67108864U);
  EXPECT_THROW((void)detail::size_of_json(longer), Error);
}

TEST_F(JsonTest, OnlyCodecsThatSaySoReadRawBytes) {
  const Store store = plain();
  store.put("config", json_sample, {.codec = Json{}}).value();
  EXPECT_EQ(*store.get<std::size_t>("config", {.codec = RawLength{}}).value(), json_sample_text.size());
  const auto refused = store.get<std::size_t>("config", {.codec = TypedLength{}});
  EXPECT_EQ(code_of(refused), Errc::type_mismatch);
  EXPECT_EQ(code_of(store.proxy<std::size_t>("config", {.codec = TypedLength{}})), Errc::type_mismatch);
  // Where types are kept, they are compared.
  const Store typed = open("simple:").value();
  typed.put("config", json_sample, {.codec = Json{}}).value();
  EXPECT_EQ(code_of(typed.get<std::size_t>("config", {.codec = RawLength{}})), Errc::type_mismatch);
  EXPECT_EQ(code_of(typed.get<nlohmann::json>("config", {.codec = Json{}})), Errc::type_mismatch);
  EXPECT_EQ(code_of(typed.get<std::string>("config")), Errc::type_mismatch);
}

}  // namespace
}  // namespace locum::tests
