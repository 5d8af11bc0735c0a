// The format .h5: what h5py writes is loaded, and what is saved is read by h5py.

#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/formats/memory_file.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/formats/h5/h5_format.hpp"

namespace locum::tests::of_h5 {
namespace {

using storage::h5_format;

std::string python_with_h5py() {
  static const std::string python = python_with("numpy, h5py");
  return python;
}
constexpr const char* no_h5py = "no Python with h5py (Debian: python3-h5py)";

Result<std::vector<std::byte>> saved(const Record& value, const Record& options = {}) {
  MemoryDraft draft;
  auto done = h5_format()->save(value, draft, options);
  return done ? Result<std::vector<std::byte>>(draft.bytes()) : done.error();
}
Result<Record> loaded(std::span<const std::byte> bytes, const Record& options = {}, bool is_mapped = false) {
  MemoryFile file(bytes, is_mapped);
  return h5_format()->load(file, options, make_own);
}
Result<Record> told(std::span<const std::byte> bytes, const Record& options = {}) {
  MemoryFile file(bytes);
  return h5_format()->info(file, options);
}
Array counted(const Extents& extents) {
  auto draft = ArrayDraft::make(ElementType::of<double>(), extents).value();
  auto* const numbers = reinterpret_cast<double*>(draft.bytes().data());
  std::iota(numbers, numbers + draft.bytes().size() / sizeof(double), 0.0);
  return std::move(draft).finish();
}
Array some_array(const std::string& type, const Extents& extents) {
  auto draft = ArrayDraft::make(ElementType::named(type).value(), extents).value();
  const std::span<std::byte> bytes = draft.bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<std::byte>(type == "bool" ? at / 3 % 2 : (at * 7 + at / 64) % 61);
  }
  return std::move(draft).finish();
}
const std::vector<std::string> types{"bool", "u8",  "u16", "u32", "u64", "i8",  "i16",
                                     "i32",  "i64", "f32", "f64", "c64", "c128"};

/// Returns a value under a path, `a/b/c`.
Record at_path(const Record& value, const std::string& path) {
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? value[path]
                                    : at_path(value[path.substr(0, slash)], path.substr(slash + 1));
}
void expect_error(const Result<Record>& result, Errc code, std::string_view text) {
  ASSERT_FALSE(result.has_value()) << text;
  EXPECT_EQ(result.error().code(), code) << result.error().what();
  EXPECT_NE(result.error().text().find(text), std::string::npos) << result.error().what();
}

struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  double mass;
  std::int32_t charge;
  std::int32_t kind;
};

/// Values of each kind, as they are saved and come back.
Record some_values() {
  Record arrays = Record::members({});
  for (const std::string& type : types) {
    arrays.set(type, some_array(type, {11, 7, 5}));
    arrays.set(type + "_line", some_array(type, {1000}));
  }
  arrays.set("none", some_array("f64", {3, 0, 2}));
  return {{"arrays", arrays},
          {"text", "größe"},
          {"texts", Record::list({Record::list({"a", ""}), Record::list({"größe", "b"})})},
          {"integer", -7},
          {"large", std::uint64_t{0} - 1},
          {"real", 0.25},
          {"truth", true},
          {"complex", std::complex<double>(1, -2)},
          {"raw", Record(Record::Bytes{std::byte{0}, std::byte{1}, std::byte{2}})},
          {"none", Record(Record::Bytes())},
          {"list", Array(std::vector<std::int64_t>{1, 2})},
          {"z", Record::members({{"y", Array(std::vector<double>{1.5})}})},
          {"a", Record::members({})}};
}

class H5AgainstH5py : public ::testing::Test {
 protected:
  void SetUp() override {
    if (python_with_h5py().empty()) {
      GTEST_SKIP() << no_h5py;
    }
  }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const {
    return std::filesystem::path(folder_.path()) / name;
  }
  [[nodiscard]] bool run(const std::string& what) const {
    return run_script(python_with_h5py(), "h5_check.py", what + " '" + folder_.path() + "'");
  }

  const TemporaryFolder folder_;
};

TEST_F(H5AgainstH5py, LoadsWhatItWrites) {
  ASSERT_TRUE(run("write"));
  const auto bytes = bytes_of_file(path("arrays.h5"));
  const std::vector<CheckedFile> index = read_index(folder_.path());
  ASSERT_GT(index.size(), 100U);
  for (const bool is_mapped : {false, true}) {
    const Record options = {{"half", "f32"}, {"skip", true}};
    MemoryFile file(bytes, is_mapped);
    const auto whole = h5_format()->load(file, options, make_own);
    ASSERT_TRUE(whole) << whole.error().what();
    // Each dataset alone, every second one in each way: the file is opened anew for each.
    std::size_t number = is_mapped ? 0 : 1;
    for (const CheckedFile& one : index) {
      if (number++ % 2 != 0) {
        EXPECT_TRUE(at_path(*whole, one.name).array()) << one.name;
        continue;
      }
      Record only = {{"dataset", one.name}};
      if (!one.option.empty()) {
        expect_error(h5_format()->load(file, only, make_own), Errc::unsupported, "half = \"f32\"");
        only.set("half", "f32");
      }
      const auto alone = h5_format()->load(file, only, make_own);
      ASSERT_TRUE(alone) << one.name << ": " << alone.error().what();
      CheckedFile flat = one;
      std::ranges::replace(flat.name, '/', '_');
      EXPECT_TRUE(flat.describes(alone->array(), folder_.path())) << one.name;
      EXPECT_EQ(at_path(*whole, one.name), *alone) << one.name;
      const auto info = h5_format()->info(file, only).value();
      EXPECT_EQ(info.get<std::string>("type").value(), one.option.empty() ? one.type : "f16") << one.name;
    }
    const Array shown = at_path(*whole, "f64/le/plain").array();
    EXPECT_EQ(shown.owner() == file.in_place().value().owner, is_mapped);
  }
}

TEST_F(H5AgainstH5py, LoadsItsValues) {
  ASSERT_TRUE(run("write"));
  for (const char* name : {"values.h5", "latest.h5", "earliest.h5", "user_block.h5"}) {
    for (const bool is_mapped : {false, true}) {
      const auto value = loaded(bytes_of_file(path(name)), {}, is_mapped);
      ASSERT_TRUE(value) << name << ": " << value.error().what();
      const Record table = (*value)["table"];
      const Record expected = {
          {"text", "größe"},
          {"fixed", "abc"},
          {"texts", Record::list({"a", "", "größe"})},
          {"grid", Record::list({Record::list({"ab", "c"}), Record::list({"", "defg"})})},
          {"spaces", Record::list({"x"})},
          {"integer", -7},
          {"large", std::uint64_t{0} - 1},
          {"real", 0.25},
          {"small", 0.5},
          {"truth", true},
          {"complex", std::complex<double>(1, -2)},
          {"nothing", Array(std::vector<double>())},
          {"raw", Record(Record::Bytes{std::byte{0}, std::byte{1}, std::byte{2}})},
          {"table",
           {{"x", Array(std::vector<double>{1, 2, 3})},
            {"n", Array(std::vector<std::int32_t>{7, 8, 9})},
            {"name", Record::list({"a", "bcd", ""})},
            {"v", Array::copy_of(ConstRawArray(std::vector<float>{1, 2, 3, 4, 5, 6}.data(),
                                               ElementType::of<float>(), Extents(3, 2)))
                      .value()},
            {"ok", table["ok"]}}},
          {"z", Record::members({{"a", Record::members({{"T", counted({2, 3})}})}})},
          {"bare", Record::members({})}};
      EXPECT_EQ(*value, expected) << name;
      EXPECT_EQ(table["ok"].as<std::vector<bool>>().value(), (std::vector<bool>{true, false, true}));
      EXPECT_EQ(value->members().begin()->first, "text") << "in the order in which they were made";
    }
  }
}

TEST_F(H5AgainstH5py, LoadsAttributesOnDemand) {
  ASSERT_TRUE(run("write"));
  const auto bytes = bytes_of_file(path("values.h5"));
  const Record value = loaded(bytes, {{"attributes", true}}).value();
  EXPECT_EQ(value["@attributes"], Record::members({{".", Record::members({{"version", 3}})}}));
  const Record expected = {{".", Record::members({{"written by", "a model"}})},
                           {"T", {{"units", "K"}, {"range", Array(std::vector<double>{0, 5})}}}};
  EXPECT_EQ(value["z"]["a"]["@attributes"], expected);
  const Record only = loaded(bytes, {{"attributes", true}, {"dataset", "z/a/T"}}).value();
  EXPECT_EQ(only, Record::members({{"data", counted({2, 3})}, {"@attributes", expected["T"]}}));
  const Record info = told(bytes, {{"attributes", true}}).value();
  EXPECT_EQ(info["z"]["a"]["@attributes"]["T"]["units"]["type"], Record("text"));
  const auto again = saved(value, {{"attributes", true}}).value();
  EXPECT_EQ(loaded(again, {{"attributes", true}}).value(), value);
}

TEST_F(H5AgainstH5py, OpensNothingElse) {
  ASSERT_TRUE(run("write"));
  const auto bytes = bytes_of_file(path("odd.h5"));
  const std::vector<std::pair<std::string, std::string>> refused{
      {"outside", "another file, 'other.h5'"},
      {"through", "leads to nothing in this file"},
      {"dangling", "leads to nothing"},
      {"itself", "leads to nothing"},
      {"reference", "references"},
      {"ragged", "sequences of different lengths"},
      {"named", "a named type"},
      {"virtual", "elements are in other files"},
      {"raw", "elements are in other files"},
      {"lzf", "filter 32000"},
      {"times", "opaque bytes 'NUMPY:"},
      {"nested", "a compound type"},
      {"longdouble", "floating-point numbers of 80 bits"}};
  const Record info = told(bytes).value();
  for (const auto& [name, text] : refused) {
    expect_error(loaded(bytes, {{"dataset", name}}), Errc::unsupported, text);
    expect_error(loaded(bytes, {{"dataset", name}}), Errc::unsupported, "in '/" + name + "'");
    EXPECT_FALSE(info[name].is_null()) << name;
  }
  expect_error(loaded(bytes), Errc::unsupported, "skip = true");
  // Files finds it by its path, beside which the other file is.
  const Files files("file:" + folder_.path());
  EXPECT_EQ(files.load("odd.h5", {.options = {{"dataset", "outside"}}}).error().code(), Errc::unsupported);
  const Record rest = loaded(bytes, {{"skip", true}}).value();
  EXPECT_EQ(rest, Record({{"good", Array(std::vector<std::int64_t>{0, 1, 2})},
                          {"group", Record::members({{"x", 1.5}})}}));
  expect_error(loaded(bytes, {{"dataset", "group"}}), Errc::type_mismatch, "is a group");
  expect_error(loaded(bytes, {{"dataset", "group/y"}}), Errc::not_found, "no member 'y'");
  expect_error(loaded(bytes, {{"dataset", "good/y"}}), Errc::not_found, "is no group");
  expect_error(loaded(bytes, {{"dataset", "outside/y"}}), Errc::unsupported, "another file");
}

TEST_F(H5AgainstH5py, ReadsWhatIsSaved) {
  Record value = some_values();
  for (const auto& [name, array] : value["arrays"].members()) {
    add_to_index(folder_.path(), name, array.array());
  }
  value.set("list", Record::list({Record::list({1, 2}), Record::list({3, 4})}));
  value.set("@attributes", Record::members({{"z", {{"units", "K"}, {"range", std::vector<double>{0, 5}}}},
                                            {".", Record::members({{"version", 3}})}}));
  Record options = {{"attributes", true}};
  write_file(path("saved.h5"), saved(value, options).value());
  options.set("compression", 4);
  options.set("chunks", Record::list({4, 7, 2}));
  write_file(path("packed.h5"), saved(value, options).value());
  EXPECT_TRUE(run("read"));
}

TEST(H5Format, LoadsWhatItSaves) {
  Record value = some_values();
  value.set("particles", Array(std::vector<Particle>{{1.5, -1, 7}, {2.5, 1, 8}}));
  for (const Record& options : {Record::members({}), Record{{"compression", 1}},
                                Record{{"compression", 9}, {"chunks", Record::list({300})}}}) {
    const auto bytes = saved(value, options);
    ASSERT_TRUE(bytes) << bytes.error().what();
    for (const bool is_mapped : {false, true}) {
      const auto back = loaded(*bytes, {}, is_mapped);
      ASSERT_TRUE(back) << back.error().what();
      EXPECT_EQ(*back, value);
    }
    EXPECT_TRUE(saved(value, options).value() == *bytes) << "equal values make equal bytes";
    EXPECT_TRUE(h5_format()->recognises(std::span(*bytes).first(512)));
  }
}

TEST(H5Format, SavesAnArrayAloneUnderItsPath) {
  const Array array = counted({30, 40});
  EXPECT_EQ(loaded(saved(array).value()).value(), Record::members({{"data", array}}));
  const auto bytes = saved(array, {{"dataset", "/fields/T"}}).value();
  EXPECT_EQ(loaded(bytes).value(), Record::members({{"fields", Record::members({{"T", array}})}}));
  EXPECT_EQ(loaded(bytes, {{"dataset", "fields/T"}}).value(), Record(array));
  EXPECT_EQ(loaded(saved(7).value(), {{"dataset", "data"}}).value().as<int>().value(), 7);
}

TEST(H5Format, ReadsOneDatasetStraightIntoItsMemory) {
  const Array array = counted({500, 400});
  for (const Record& how : {Record::members({}), Record{{"compression", 1}}}) {
    const auto bytes = saved({{"T", array}, {"other", counted({500, 400})}, {"n", 7}}, how).value();
    MemoryFile file(bytes);
    int made = 0;
    const std::byte* memory = nullptr;
    const MakeArray make = [&](const ElementType& element, const Extents& extents) {
      ++made;
      auto draft = ArrayDraft::make(element, extents);
      memory = draft->bytes().data();
      return draft;
    };
    const Record value = h5_format()->load(file, {{"dataset", "T"}}, make).value();
    EXPECT_EQ(value, Record(array));
    EXPECT_EQ(made, 1);
    EXPECT_EQ(value.array().data(), memory);
    EXPECT_LT(file.bytes_read(), array.size_bytes() + 20000);
  }
}

TEST(H5Format, TellsWhatIsInAFileWithoutReadingIt) {
  const Record value = {{"T", counted({500, 400})},
                        {"texts", Record::list({"a", "bc"})},
                        {"deep", Record::members({{"n", 7}})}};
  const Record expected = {
      {"T", {{"type", "f64"}, {"extents", Record::list({500, 400})}}},
      {"texts", {{"type", "text"}, {"extents", Record::list({2})}}},
      {"deep", Record::members({{"n", {{"type", "i64"}, {"extents", Record::list({})}}}})}};
  MemoryFile file(saved(value).value());
  EXPECT_EQ(h5_format()->info(file, {}).value(), expected);
  EXPECT_LT(file.bytes_read(), 20000U);
  EXPECT_EQ(h5_format()->info(file, {{"dataset", "deep/n"}}).value(), expected["deep"]["n"]);
}

TEST(H5Format, ShowsMappedElementsInPlace) {
  MemoryFile file(saved({{"T", counted({500, 400})}, {"n", counted({3})}}).value(), true);
  const Record value = h5_format()->load(file, {}, make_own).value();
  EXPECT_EQ(value["T"].array().owner(), file.in_place().value().owner);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(value["T"].array().data()) % 64, 0U);
  EXPECT_EQ(value["T"].array(), counted({500, 400}));
}

TEST(H5Format, IsLoadedOnceInPlaceByFiles) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path());
  files.save("run.h5", Record{{"T", counted({30, 40})}, {"dt", 0.5}}).value();
  const auto view = files.load<double[]>("run.h5", {.options = {{"dataset", "T"}}}).value();
  EXPECT_EQ(view.extents()[1], 40U);
  EXPECT_EQ(view[1199], 1199.0);
  const auto again = files.load<double[]>("run.h5", {.options = {{"dataset", "T"}}}).value();
  EXPECT_EQ(again.data(), view.data());
  EXPECT_EQ(files.load<double>("run.h5", {.options = {{"dataset", "dt"}}}).value(), 0.5);
  const Record mapped = files.load("run.h5", {.map = true}).value();
  EXPECT_EQ(mapped["T"].array(), counted({30, 40}));
  EXPECT_EQ(files.load("run.hdf5").error().code(), Errc::not_found);
  const Files other("memory:");
  other.save("a/run.hdf5", Record{{"T", counted({30, 40})}}).value();
  EXPECT_EQ(other.load("a/run.hdf5").value()["T"].array(), counted({30, 40}));
}

TEST(H5Format, RefusesWhatHdf5DoesNotHold) {
  const auto refuses = [](const Record& value, std::string_view text, const Record& options = {}) {
    const auto bytes = saved(value, options);
    ASSERT_FALSE(bytes) << text;
    EXPECT_NE(bytes.error().text().find(text), std::string::npos) << bytes.error().what();
  };
  refuses(nullptr, "not null");
  refuses(Record::members({{"a", nullptr}}), "in '/a'");
  refuses(Record::members({{"a/b", 1}}), "'a/b'");
  refuses(Record::members({{"", 1}}), "rename it");
  refuses(Record::members({{".", 1}}), "rename it");
  refuses(Record::members({{std::string("a\0b", 3), 1}}), "rename it");
  refuses(Record::members({{"\xFF", 1}}), "rename it");
  refuses(std::string("a\0b", 3), "a byte 0");
  refuses("\xFF", "not UTF-8");
  refuses(Record::list({1, "a"}), "no type of NumPy holds both");
  refuses(Record::list({Record::members({{"a", 1}})}), "lists of numbers");
  refuses(Array(std::vector<std::byte>(3)), "u8");
  refuses(1, "'compression'", {{"compression", 10}});
  refuses(1, "'compression'", {{"compression", 0}});
  refuses(1, "'chunks'", {{"chunks", Record::list({0})}});
  refuses(1, "'dataset'", {{"dataset", "a//b"}});
  refuses(Record::members({{"@attributes", Record::members({{"a", Record::members({{"b", 1}})}})}}),
          "no such member", {{"attributes", true}});
}

TEST(H5Format, TellsThatADiskIsFull) {
  for (const Record& options : {Record::members({}), Record{{"compression", 1}}}) {
    const auto whole = saved({{"T", some_array("f64", {300, 40})}, {"text", "a"}}, options).value().size();
    for (std::uint64_t most = 0; most < whole; most += 487) {
      MemoryDraft draft(most);
      const auto done =
          h5_format()->save({{"T", some_array("f64", {300, 40})}, {"text", "a"}}, draft, options);
      ASSERT_FALSE(done) << most;
      EXPECT_EQ(done.error().code(), Errc::system);
      EXPECT_NE(done.error().text().find("no space is left"), std::string::npos) << done.error().what();
    }
  }
}

TEST(H5Format, IsCalledBySeveralThreads) {
  const Record value = some_values();
  const auto expected = saved(value, {{"compression", 1}}).value();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int time = 0; time < 10; ++time) {
        EXPECT_TRUE(saved(value, {{"compression", 1}}).value() == expected);
        EXPECT_EQ(loaded(expected).value(), value);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(H5Format, SavesManyMembersInTheirOrder) {
  Record many = Record::members({});
  for (int at = 5000; at-- > 0;) {
    many.set("m" + std::to_string(at), at);
  }
  const auto bytes = saved(many).value();
  const Record back = loaded(bytes).value();
  EXPECT_EQ(back, many);
  EXPECT_TRUE(std::ranges::equal(
      back.members(), many.members(), {}, [](const auto& member) { return member.first; },
      [](const auto& member) { return member.first; }));
}

TEST(H5Format, SavesNoMoreTextsOfAnAttributeThanItLoads) {
  const Record options = {{"attributes", true}};
  const auto with_texts = [](std::size_t count) {
    return Record::members(
        {{"a", 1.5},
         {"@attributes",
          Record::members({{"a", Record::members({{"notes", Record::list(Record::List(count, "x"))}})}})}});
  };
  const Record most = with_texts(1024);
  EXPECT_EQ(loaded(saved(most, options).value(), options).value(), most);
  const auto more = saved(with_texts(1025), options);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), Errc::type_mismatch);
  EXPECT_NE(more.error().text().find("'notes' has 1025 texts"), std::string::npos) << more.error().what();
}

}  // namespace
}  // namespace locum::tests::of_h5
