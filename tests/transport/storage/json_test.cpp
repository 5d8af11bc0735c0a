// The backend json: what people see in its files, and what becomes of what they write there.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend/record_format.hpp"
#include "core/open_sessions.hpp"
#include "core/record.hpp"
#include "core/serializers.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/json/entry.hpp"
#include "transport/storage/json/text.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests::of_json_backend {
namespace {

namespace fs = std::filesystem;

struct Body {
  static constexpr std::string_view locum_type_name = "tests.body";
  double mass;
  std::int32_t charge;
  std::int32_t kind;
};

template <class T>
T value_of(const Store& store, const std::string& name) {
  const auto view = store.get<T>(name).value();
  return *view;
}

template <class T>
std::vector<T> elements_of(const Store& store, const std::string& name) {
  const auto view = store.get<T[]>(name).value();
  return {view.begin(), view.end()};
}

/// Each form: a folder, and one file.
class JsonBackend : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static bool is_tree() { return GetParam(); }
  [[nodiscard]] std::string place() const { return folder_.path() + (is_tree() ? "/notes" : "/notes.json"); }
  [[nodiscard]] Store open(const std::string& options = {}) const {
    return locum::open("json://" + place() + "?sync=0&store=run17" + options).value();
  }
  [[nodiscard]] fs::path file_of(const std::string& name) const {
    return is_tree() ? fs::path(place()) / "run17" / (name + ".json") : fs::path(place());
  }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    std::ifstream file(file_of(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Returns the entry of an object, as JSON.
  [[nodiscard]] Record entry_of(const std::string& name) const {
    const Record all = storage::read_json(text_of(name)).value();
    return is_tree() ? all : all["run17"][name];
  }
  /// Changes the entry of an object, as an editor does.
  void edit(const std::string& name, const std::function<void(Record&)>& change) const {
    Record all = fs::exists(file_of(name)) ? storage::read_json(text_of(name)).value() : Record();
    if (is_tree()) {
      change(all);
    } else {
      Record entries = all["run17"];
      Record entry = entries[name];
      change(entry);
      entries.set(name, entry);
      all.set("run17", entries);
    }
    fs::create_directories(file_of(name).parent_path());
    std::ofstream(file_of(name)) << storage::json_text_of(all).value();
  }
  void write_by_hand(const std::string& name, const Record& value) const {
    edit(name, [&value](Record& entry) { entry = value; });
  }

  const TemporaryFolder folder_;
};

TEST_P(JsonBackend, ShowsWhatPeopleExpect) {
  const Store store = open();
  store.put("T0", 273.15).value();
  store.put("steps", 40).value();
  store.put("field", std::vector<double>{1, 2.5, -3}).value();
  store.put("title", std::string("größe")).value();
  store.put("config", Record{{"dt", 0.1}, {"solver", {{"name", "cg"}, {"steps", 40}}}}).value();
  store.put("grid", std::vector<std::array<int, 3>>{{1, 2, 3}, {4, 5, 6}}).value();
  EXPECT_EQ(entry_of("T0")["value"], Record(273.15));
  EXPECT_EQ(entry_of("T0")["type"], Record("f64"));
  EXPECT_EQ(entry_of("steps")["value"], Record(40));
  EXPECT_NE(text_of("field").find("\"value\": [1.0, 2.5, -3.0]"), std::string::npos) << text_of("field");
  EXPECT_EQ(entry_of("title")["value"], Record("größe"));
  EXPECT_EQ(entry_of("config")["value"], Record({{"dt", 0.1}, {"solver", {{"name", "cg"}, {"steps", 40}}}}));
  EXPECT_EQ(entry_of("grid")["value"], Record::list({Record::list({1, 2, 3}), Record::list({4, 5, 6})}));
  const Store again = open();
  EXPECT_EQ(value_of<double>(again, "T0"), 273.15);
  EXPECT_EQ(value_of<int>(again, "steps"), 40);
  EXPECT_EQ(elements_of<double>(again, "field")[1], 2.5);
  EXPECT_EQ(value_of<std::string>(again, "title"), "größe");
  const auto grid = again.get<int[]>("grid").value();
  EXPECT_EQ(grid.extents()[1], 3U);
  const Record config = again.get("config").value();
  EXPECT_EQ(config["solver"].get<int>("steps").value(), 40);
}

TEST_P(JsonBackend, KeepsWhatJsonDoesNotShow) {
  const Store store = open();
  const std::vector<double> odd{std::numeric_limits<double>::quiet_NaN(), 1};
  store.put("nan", odd).value();
  store.put("bodies", std::vector<Body>{{1.5, -1, 7}, {2.5, 1, 8}}).value();
  store.put("long", std::vector<float>(10'000, 0.5F)).value();
  store.put("binary", std::string("\xFF\x00x", 3)).value();
  store.put("pair", std::vector<int>{1, 2}).value();
  EXPECT_EQ(entry_of("bodies")["type"], Record("tests.body{16}[]"));
  EXPECT_EQ(entry_of("bodies")["base64"].kind(), Record::Kind::text);
  EXPECT_TRUE(std::isnan(elements_of<double>(store, "nan")[0]));
  EXPECT_EQ(elements_of<Body>(store, "bodies")[1].kind, 8);
  EXPECT_EQ(elements_of<float>(store, "long")[9999], 0.5F);
  EXPECT_EQ(value_of<std::string>(store, "binary"), std::string("\xFF\x00x", 3));
  EXPECT_EQ(elements_of<int>(store, "pair")[1], 2);
}

TEST_P(JsonBackend, ReadsWhatWasEdited) {
  const Store store = open();
  const Key before = store.put("T0", 273.15).value();
  store.put("field", std::vector<double>{1, 2}).value();
  store.put("title", std::string("a")).value();
  store.put("config", Record{{"dt", 0.1}}).value();
  edit("T0", [](Record& entry) { entry.set("value", 3); });
  edit("field", [](Record& entry) { entry.set("value", Record::list({4.5, 5, 6})); });
  edit("title", [](Record& entry) { entry.set("value", "a longer one"); });
  edit("config", [](Record& entry) { entry.set("value", Record({{"dt", 0.2}, {"name", "x"}})); });
  EXPECT_EQ(value_of<double>(store, "T0"), 3.0);
  EXPECT_NE(store.info("T0").value().key, before) << "it is another generation";
  EXPECT_EQ(code_of(store.get<double>(before)), Errc::not_found);
  const auto field = store.get<double[]>("field").value();
  EXPECT_EQ(std::vector<double>(field.begin(), field.end()), (std::vector<double>{4.5, 5, 6}));
  EXPECT_EQ(value_of<std::string>(store, "title"), "a longer one");
  const Record edited = store.get("config").value();
  EXPECT_EQ(edited["name"], Record("x"));

  edit("T0", [](Record& entry) { entry.set("value", "warm"); });
  const auto wrong = store.get<double>("T0");
  EXPECT_EQ(code_of(wrong), Errc::corrupt);
  EXPECT_NE(wrong.error().text().find("not of its type"), std::string::npos) << wrong.error().what();
  EXPECT_EQ(value_of<std::string>(store, "title"), "a longer one") << "the others are as they were";
}

TEST_P(JsonBackend, ReadsWhatWasWrittenByHand) {
  const Store store = open();
  write_by_hand("x", 3.5);
  write_by_hand("n", 7);
  write_by_hand("on", true);
  write_by_hand("who", "me");
  write_by_hand("config", Record({{"dt", 0.1}, {"grid", Record::list({96, 96})}}));
  EXPECT_EQ(value_of<double>(store, "x"), 3.5);
  EXPECT_EQ(value_of<std::int64_t>(store, "n"), 7);
  EXPECT_EQ(value_of<bool>(store, "on"), true);
  EXPECT_EQ(value_of<std::string>(store, "who"), "me");
  const Record config = store.get("config").value();
  EXPECT_EQ(config["grid"][1], Record(96));
  EXPECT_EQ(code_of(store.put("x", 1.0)), Errc::key_exists);
  const auto info = store.info("x").value();
  store.put("other", 1).value();
  EXPECT_EQ(value_of<double>(store, "x"), 3.5);
  EXPECT_EQ(store.info("x").value().key, info.key) << "a change of another object is none of this one";
  store.replace("x", 4.5).value();
  EXPECT_EQ(value_of<double>(store, "x"), 4.5);
  EXPECT_EQ(store.keys().value().size(), 6U);
}

TEST_P(JsonBackend, NamesThePlaceOfWrongJson) {
  const Store store = open();
  store.put("x", 1.5).value();
  std::ofstream(file_of("x")) << "{\n  \"value\": 1.5\n  \"type\": \"f64\"\n}\n";
  const auto broken = store.get<double>("x");
  EXPECT_EQ(code_of(broken), Errc::corrupt);
  EXPECT_NE(broken.error().text().find("line 3, column 3"), std::string::npos) << broken.error().what();
  EXPECT_NE(broken.error().text().find(is_tree() ? "run17/x.json" : "notes.json"), std::string::npos)
      << broken.error().what();
}

TEST_P(JsonBackend, HoldsNamesThatAreNoneOfFiles) {
  const Store store = open();
  const std::vector<std::string> names{"a/b", "..", ".json", "größe", "a b", "x.json", std::string(300, 'l')};
  for (const std::string& name : names) {
    store.put(name, name).value();
  }
  const Store again = open();
  for (const std::string& name : names) {
    EXPECT_EQ(value_of<std::string>(again, name), name);
  }
  EXPECT_EQ(again.keys().value().size(), names.size());
}

TEST_P(JsonBackend, IsSharedByProcessesThatCount) {
  const Store store = open();
  store.put("count", std::int64_t{0}).value();
  std::vector<pid_t> children;
  constexpr int processes = 3;
  constexpr int rounds = 20;
  for (int child = 0; child < processes; ++child) {
    children.push_back(::fork());
    if (children.back() == 0) {
      int failed = 1;
      try {
        const Store own = open();
        for (int round = 0; round < rounds; ++round) {
          own.fetch_add("count", std::int64_t{1}).value();
        }
        failed = 0;
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
      }
      ::_exit(failed);
    }
  }
  for (const pid_t child : children) {
    int status = 1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(value_of<std::int64_t>(store, "count"), processes * rounds);
}

INSTANTIATE_TEST_SUITE_P(Forms, JsonBackend, ::testing::Bool(),
                         [](const auto& form) { return form.param ? "Tree" : "File"; });

TEST(JsonEntries, BearsAnyEntry) {
  for (const std::string_view text :
       {"null", "[]", "{}", R"({"value": 1})", R"({"type": "f64"})", R"({"bytes": "A"})",
        R"({"bytes": "AA=A"})", R"({"bytes": ""})", R"({"value": [], "type": "f64[]"})",
        R"({"value": [[],[]], "type": "f64[]"})", R"({"value": [1,[2]], "type": "i32[]"})",
        R"({"value": 1, "type": "f64[]", "extents": [-1]})", R"({"value": 300, "type": "u8"})",
        R"({"value": 1, "type": "particle{8}"})",
        R"({"base64": "AAAA", "type": "f64", "object": {"key": "x"}})",
        R"({"base64": "AAAA", "type": "f64", "object": {"key": "1/2/0"}})",
        R"({"base64": "AAAA", "type": "f64[]", "element_bytes": 4294967296, "extents": [1,1,1,1,1,1,1,1,1]})",
        R"({"base64": "AAAA", "type": "f64[]", "extents": [7]})",
        R"({"value": 1, "type": "", "layout": "array"})"}) {
    const auto record = storage::record_of_json_entry(storage::read_json(text).value(), "x");
    if (record) {
      (void)read_record(*record, record->size());
    } else {
      EXPECT_EQ(record.error().code(), Errc::corrupt) << text;
    }
  }
}

}  // namespace
}  // namespace locum::tests::of_json_backend
