#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <complex>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/formats/memory_file.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/formats/torch/torch_format.hpp"
#include "transport/storage/zip/zip_writer.hpp"

namespace locum::tests::of_torch {
namespace {

using namespace std::string_literals;
using storage::torch_format;

Result<Record> loaded(const std::vector<std::byte>& bytes, const Record& options = Record(),
                      bool is_mapped = false) {
  MemoryFile file(bytes, is_mapped);
  return torch_format()->load(file, options, make_own);
}
Result<std::vector<std::byte>> saved(const Record& value) {
  MemoryDraft draft;
  auto done = torch_format()->save(value, draft, {});
  if (!done) {
    return done.error();
  }
  return draft.bytes();
}
std::vector<std::byte> golden(const std::string& name) {
  return bytes_of_file(beside_these_tests("golden") / name);
}

using Members = std::vector<std::pair<std::string, std::string>>;

/// Makes a checkpoint of a pickle, with members beside it.
std::vector<std::byte> archive_of(const std::string& pickle, const Members& members = {}) {
  MemoryDraft draft;
  storage::ZipWriter zip(draft, 0);
  const auto add = [&zip](const std::string& name, const std::string& text) {
    zip.begin(name, text.size()).value();
    zip.write(std::as_bytes(std::span(text))).value();
    zip.end().value();
  };
  add("a/data.pkl", "\x80\x02" + pickle);
  for (const auto& [name, text] : members) {
    add("a/" + name, text);
  }
  zip.finish().value();
  return draft.bytes();
}

std::string text_of(const std::string& text) {
  return "X"s + static_cast<char>(text.size()) + "\0\0\0"s + text;
}
/// Makes the pickle of a tensor: its sizes and strides are integers below 256.
std::string tensor_of(const std::string& storage, std::uint8_t elements, std::uint8_t offset,
                      const std::vector<std::uint8_t>& extents, const std::vector<std::uint8_t>& strides) {
  const auto integer = [](std::uint8_t value) { return "K"s + static_cast<char>(value); };
  std::string text = "ctorch._utils\n_rebuild_tensor_v2\n((" + text_of("storage") + "ctorch\n" + storage +
                     "\n" + text_of("0") + text_of("cpu") + integer(elements) + "tQ" + integer(offset) + "(";
  for (const std::uint8_t extent : extents) {
    text += integer(extent);
  }
  text += "t(";
  for (const std::uint8_t stride : strides) {
    text += integer(stride);
  }
  return text + "t\x89" + "ccollections\nOrderedDict\n)RtR";
}

void expect_error(const Result<Record>& result, Errc code, std::string_view text) {
  ASSERT_FALSE(result.has_value()) << text;
  EXPECT_EQ(result.error().code(), code) << result.error().what();
  EXPECT_NE(result.error().text().find(text), std::string::npos) << result.error().what();
}

TEST(TorchFormat, RecognisesItsFiles) {
  EXPECT_TRUE(torch_format()->recognises(golden("tensors.pt")));
  EXPECT_TRUE(torch_format()->recognises(golden("early.pth")));
  EXPECT_TRUE(torch_format()->recognises(saved(Record(1)).value()));
  EXPECT_FALSE(torch_format()->recognises(std::as_bytes(std::span("PK\3\4"))));
  EXPECT_FALSE(torch_format()->recognises({}));
}

TEST(TorchFormat, LoadsTensorsOfTorch) {
  for (const bool is_mapped : {false, true}) {
    const Record value = loaded(golden("tensors.pt"), {{"half", "f32"}}, is_mapped).value();
    const Array all = value["all"].array();
    EXPECT_EQ(all.extents(), Extents(3, 4));
    const auto numbers = all.as<std::int32_t>().value();
    EXPECT_EQ(numbers(2, 1), 9);
    const Array turned = value["turned"].array();
    EXPECT_EQ(turned.extents(), Extents(4, 3));
    EXPECT_EQ(turned.as<std::int32_t>().value()(1, 2), 9);
    EXPECT_EQ(turned.data(), all.data()) << "the storage is shared";
    const Array part = value["part"].array();
    EXPECT_EQ(part.extents(), Extents(2, 2));
    EXPECT_EQ(part.as<std::int32_t>().value()(1, 0), 9);
    EXPECT_EQ(value["scalar"].array().extents(), Extents());
    EXPECT_EQ(value["scalar"].array().value<float>().value(), -2.5F);
    EXPECT_EQ(value["half"].array(), Array(std::vector<float>{1.5F, -2, 65504}));
    const Array brain = value["brain"].array();
    EXPECT_EQ(brain.as<float>().value()(0), 1.5F);
    EXPECT_EQ(value["epoch"], Record(3));
    EXPECT_EQ(value["shape"], Record::list({3, 4}));
  }
  expect_error(loaded(golden("tensors.pt")), Errc::unsupported, "half = \"f32\"");
}

TEST(TorchFormat, TellsWhatAFileHolds) {
  const auto bytes = golden("tensors.pt");
  MemoryFile file(bytes);
  const Record info = torch_format()->info(file, {}).value();
  EXPECT_EQ(info["turned"]["extents"], Record::list({4, 3}));
  EXPECT_EQ(info["turned"]["type"].text(), "i32");
  EXPECT_EQ(info["half"]["type"].text(), "f16");
  EXPECT_EQ(info["brain"]["type"].text(), "bf16");
  EXPECT_EQ(info["epoch"], Record(3));
}

TEST(TorchFormat, LoadsTheStateOfAnOptimizer) {
  const auto bytes = golden("optimizer.pt");
  expect_error(loaded(bytes), Errc::unsupported, "keys = \"text\"");
  const Record value = loaded(bytes, {{"keys", "text"}}).value();
  EXPECT_EQ(value["model"]["weight"].array().extents(), Extents(1, 2));
  EXPECT_EQ(value["optimizer"]["state"]["0"]["momentum_buffer"].array().size(), 2U);
  EXPECT_EQ(value["optimizer"]["param_groups"][0]["lr"], Record(0.5));
}

TEST(TorchFormat, RefusesOtherFilesByName) {
  expect_error(loaded(golden("early.pth")), Errc::unsupported, "before version 1.6");
  expect_error(loaded(golden("script.pt")), Errc::unsupported, "TorchScript");
  expect_error(loaded(golden("sparse.pt")), Errc::unsupported, "_rebuild_sparse_tensor");
  expect_error(loaded(std::vector<std::byte>(600)), Errc::corrupt, "no archive of ZIP");
  expect_error(loaded({}), Errc::corrupt, "no archive of ZIP");
}

TEST(TorchFormat, LoadsWhatItSaved) {
  Record value = {{"none", nullptr},
                  {"integers", Record::list({0, 255, 256, -1, 70000, std::int64_t{1} << 40, ~std::uint64_t{0},
                                             std::numeric_limits<std::int64_t>::min()})},
                  {"real", 0.1},
                  {"complex", std::complex<double>(1, -2)},
                  {"text", "Grüße"},
                  {"bytes", Record::Bytes{std::byte{0}, std::byte{0xFF}, std::byte{0x41}}},
                  {"nested", {{"yes", true}, {"list", Record::list({Record::list({}), 1})}}},
                  {"empty", Array(std::vector<double>{})},
                  {"c64", Array(std::vector<std::complex<float>>{{1, 2}, {3, 4}})}};
  for (const char* type : {"bool", "i8", "u8", "i16", "i32", "i64", "f32", "f64", "c64", "c128"}) {
    auto draft = ArrayDraft::make(ElementType::named(type).value(), {2, 3, 4}).value();
    for (std::size_t at = 0; at < draft.bytes().size(); ++at) {
      draft.bytes()[at] = static_cast<std::byte>(type == "bool"s ? at % 2 : at % 100);
    }
    value.set(type, std::move(draft).finish());
  }
  auto one = ArrayDraft::make(ElementType::named("f64").value(), {}).value();
  std::ranges::fill(one.bytes(), std::byte{1});
  value.set("one", std::move(one).finish());
  const auto bytes = saved(value).value();
  for (const bool is_mapped : {false, true}) {
    EXPECT_EQ(loaded(bytes, {}, is_mapped).value(), value);
  }
  MemoryFile file(bytes, true);
  const Array shown = torch_format()->load(file, {}, make_own).value()["f64"].array();
  EXPECT_TRUE(shown.data() >= file.bytes().data() && shown.data() < file.bytes().data() + file.bytes().size())
      << "elements of a mapped file stay there";
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(shown.data()) % 64, 0U);
}

TEST(TorchFormat, SavesSharedElementsOnce) {
  const Array array(std::vector<double>(1000));
  const Record value = {{"a", array}, {"b", array}, {"c", Array(std::vector<double>(1000))}};
  const auto bytes = saved(value).value();
  EXPECT_LT(bytes.size(), 20000U);
  const Record again = loaded(bytes).value();
  EXPECT_EQ(again["a"].array().data(), again["b"].array().data());
  EXPECT_NE(again["a"].array().data(), again["c"].array().data());
}

TEST(TorchFormat, ReadsATensorThatIsAloneToTheMemoryThatIsMade) {
  const auto bytes = saved(Array(std::vector<float>(64))).value();
  MemoryFile file(bytes);
  int made = 0;
  const std::byte* memory = nullptr;
  const auto value = torch_format()->load(file, {}, [&](const ElementType& element, const Extents& extents) {
    auto draft = ArrayDraft::make(element, extents);
    memory = draft->bytes().data();
    ++made;
    return draft;
  });
  EXPECT_EQ(made, 1);
  EXPECT_EQ(value.value().array().data(), memory);
}

TEST(TorchFormat, RefusesValuesThatCheckpointsDoNotHold) {
  const auto refused = [](const Record& value, std::string_view text) {
    const auto bytes = saved(value);
    ASSERT_FALSE(bytes.has_value());
    EXPECT_EQ(bytes.error().code(), Errc::type_mismatch);
    EXPECT_NE(bytes.error().text().find(text), std::string::npos) << bytes.error().what();
  };
  refused(Array(std::vector<std::uint32_t>{1}), "'u32'");
  refused(Array(std::vector<char>{'a'}), "'char'");
  refused(Record("\xFF"), "UTF-8");
}

TEST(TorchFormat, CallsNothing) {
  expect_error(loaded(archive_of("cos\nsystem\n" + text_of("true") + "\x85R.")), Errc::unsupported,
               "at byte 2 of data.pkl: the file wants to call 'os.system'");
  expect_error(loaded(archive_of("\x8c\x02os\x8c\x06system\x93" + text_of("true") + "\x85R.")),
               Errc::unsupported, "wants to call 'os.system'");
  expect_error(loaded(archive_of("cbuiltins\neval\n" + text_of("1") + "\x85R.")), Errc::unsupported,
               "'builtins.eval'");
  expect_error(loaded(archive_of("(ios\nsystem\n.")), Errc::unsupported, "INST");
  expect_error(loaded(archive_of("ctorch\nSize\n)\x81.")), Errc::unsupported, "NEWOBJ");
  expect_error(loaded(archive_of("ctorch\nSize\n.")), Errc::unsupported, "torch.Size as a value");
  expect_error(loaded(archive_of("}}" + text_of("__class__") + "K\1sb.")), Errc::unsupported, "attributes");
}

TEST(TorchFormat, RefusesWrongPicklesByName) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "without the instruction STOP"},
      {".", "0 values"},
      {"NN.", "2 values"},
      {"N.N", "1 bytes follow"},
      {"(N.", "instead of one"},
      {"K", "inside an instruction"},
      {"\xFF.", "instruction 255"},
      {"X\xFF\xFF\xFF\x7FN.", "longer than the pickle"},
      {"\x8a\xFF.", "longer than the pickle"},
      {"h\1.", "was not stored"},
      {"Nr\xFF\xFF\xFF\xFF.", "larger than the pickle"},
      {"t.", "from a mark"},
      {"N(e.", "neither a list nor a dict"},
      {"N\x86.", "more values than there are"},
      {"](N\x85.", "instead of one"},
      {"}(N\x75.", "has no value"},
      {"NNR.", "no function"},
      {text_of("\xC3") + ".", "not UTF-8"},
      {"NQ.", "identifier of a storage is no tuple"},
      {"ctorch\nSize\n)R.", "other arguments"},
      {"}(" + text_of("a") + "N" + text_of("a") + "Nu.", "twice"},
      {"\x80\x09N.", "protocol 9"},
      {"}(NNu.", "no text"},
      {"\x8a\x0a\0\0\0\0\0\0\0\0\0\1."s, "integer of 10 bytes"},
      {"\x8a\x09\0\0\0\0\0\0\0\0\1."s, "beyond"},
  };
  for (const auto& [pickle, text] : wrong) {
    const auto result = loaded(archive_of(pickle));
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_NE(result.error().text().find(text), std::string::npos)
        << result.error().what() << " for " << text;
  }
}

TEST(TorchFormat, ChecksTensorsAgainstTheirStorages) {
  const Members floats{{"data/0", std::string(24, '\0')}};
  EXPECT_EQ(loaded(archive_of(tensor_of("FloatStorage", 6, 0, {2, 3}, {3, 1}) + ".", floats))
                .value()
                .array()
                .extents(),
            Extents(2, 3));
  EXPECT_TRUE(
      loaded(archive_of(tensor_of("FloatStorage", 6, 5, {1, 1}, {200, 100}) + ".", floats)).has_value());
  EXPECT_TRUE(
      loaded(archive_of(tensor_of("FloatStorage", 6, 200, {0, 9}, {9, 9}) + ".", floats)).has_value());
  const auto refused = [&floats](const std::string& pickle, Errc code, std::string_view text) {
    expect_error(loaded(archive_of(pickle + ".", floats)), code, text);
  };
  refused(tensor_of("FloatStorage", 6, 1, {2, 3}, {3, 1}), Errc::corrupt, "needs element 6");
  refused(tensor_of("FloatStorage", 7, 0, {2, 3}, {3, 1}), Errc::corrupt, "too few for 7 elements");
  refused(tensor_of("DoubleStorage", 6, 0, {6}, {1}), Errc::corrupt, "too few for 6 elements");
  refused(tensor_of("FloatStorage", 6, 0, {2, 3}, {1}), Errc::corrupt, "another number of strides");
  refused(tensor_of("FloatStorage", 6, 0, std::vector<std::uint8_t>(9, 1), std::vector<std::uint8_t>(9, 1)),
          Errc::unsupported, "9 dimensions");
  refused(tensor_of("QInt8Storage", 6, 0, {6}, {1}), Errc::unsupported, "torch.QInt8Storage");
  refused(tensor_of("UntypedStorage", 6, 0, {6}, {1}), Errc::corrupt, "no type of elements");
  std::string conjugated = tensor_of("FloatStorage", 6, 0, {6}, {1});
  conjugated.insert(conjugated.size() - 2, "}" + text_of("conj") + "\x88s");
  refused(conjugated, Errc::unsupported, "resolve_conj");
  const std::vector<std::uint8_t> most(8, 255);
  refused(tensor_of("FloatStorage", 6, 0, most, std::vector<std::uint8_t>(8, 0)), Errc::corrupt, "too large");
  refused(tensor_of("FloatStorage", 6, 0, {255, 255, 255, 255}, {0, 0, 0, 0}), Errc::unsupported, "expand");
  expect_error(loaded(archive_of(tensor_of("FloatStorage", 6, 0, {6}, {1}) + ".")), Errc::corrupt,
               "no member 'a/data/0'");
  expect_error(
      loaded(archive_of(tensor_of("BoolStorage", 6, 0, {6}, {1}) + ".", {{"data/0", "\0\1\2\0\0\0"s}})),
      Errc::corrupt, "element 2 of the storage");
}

TEST(TorchFormat, LoadsBigEndianFilesAndTypesOfLaterVersions) {
  const std::string pickle = tensor_of("ShortStorage", 2, 0, {2}, {1}) + ".";
  const auto bytes = archive_of(pickle, {{"data/0", "\0\1\2\0"s}, {"byteorder", "big"}});
  for (const bool is_mapped : {false, true}) {
    EXPECT_EQ(loaded(bytes, {}, is_mapped).value().array(), Array(std::vector<std::int16_t>{1, 512}));
  }
  expect_error(loaded(archive_of(pickle, {{"data/0", "\0\1\2\0"s}, {"byteorder", "middle"}})), Errc::corrupt,
               "byteorder");
  const std::string complex_numbers = tensor_of("ComplexFloatStorage", 1, 0, {1}, {1}) + ".";
  EXPECT_EQ(loaded(archive_of(complex_numbers, {{"data/0", "\x3F\x80\0\0\x40\0\0\0"s}, {"byteorder", "big"}}))
                .value()
                .array(),
            Array(std::vector<std::complex<float>>{{1, 2}}));
  // torch from 2.3 on: a storage without a type, and the type behind the other arguments.
  const std::string later = "ctorch._utils\n_rebuild_tensor_v3\n((" + text_of("storage") +
                            "ctorch.storage\nUntypedStorage\n" + text_of("0") + text_of("cpu") +
                            "K\4tQK\0K\2\x85K\1\x85\x89"s +
                            "ccollections\nOrderedDict\n)Rctorch\nuint16\ntR.";
  EXPECT_EQ(loaded(archive_of(later, {{"data/0", "\1\0\2\0"s}})).value().array(),
            Array(std::vector<std::uint16_t>{1, 2}));
}

TEST(TorchFormat, RefusesValuesThatContainThemselves) {
  expect_error(loaded(archive_of("]q\0h\0a."s)), Errc::unsupported, "contains itself");
  expect_error(loaded(archive_of("}q\0"s + text_of("a") + "h\0s."s)), Errc::unsupported, "contains itself");
  // Values below each other, made one by one.
  std::string deep = "]";
  for (int level = 0; level < 300; ++level) {
    deep += "\x85";
  }
  expect_error(loaded(archive_of(deep + ".")), Errc::unsupported, "256 levels");
  // As many as there may be: they are saved, too.
  const std::string most = "]" + std::string(255, '\x85') + ".";
  EXPECT_TRUE(saved(loaded(archive_of(most)).value()).has_value());
  // The same by the memo, where each one is known when the next is made of it.
  std::string chain = "(]\x94";
  for (int level = 0; level < 300; ++level) {
    chain += "h" + std::string(1, static_cast<char>(level % 200));
    chain += "\x85\x94";
  }
  EXPECT_TRUE(loaded(archive_of(chain + "t.")).has_value());
}

TEST(TorchFormat, RefusesRecordsThatAreMuchLargerThanTheFile) {
  // Each list holds the one before ten times.
  std::string laughs = "]\x94";
  for (int level = 0; level < 20; ++level) {
    laughs += "](";
    for (int times = 0; times < 10; ++times) {
      laughs += "h" + std::string(1, static_cast<char>(level));
    }
    laughs += "e\x94";
  }
  laughs += "\x94.";
  // Only the last one is the value.
  const std::string value = "(" + laughs.substr(0, laughs.size() - 2) + "t.";
  expect_error(loaded(archive_of(value)), Errc::unsupported, "more than 16 million");
}

TEST(TorchFormat, TakesLinearTimeForHostilePickles) {
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t count = 200000;
  std::string marks(count, '(');
  EXPECT_FALSE(loaded(archive_of(marks + ".")).has_value());
  std::string tuples = "N";
  for (std::size_t at = 0; at < count; ++at) {
    tuples += "\x85";
  }
  EXPECT_FALSE(loaded(archive_of(tuples + ".")).has_value());
  std::string appended = "]";
  for (std::size_t at = 0; at < count; ++at) {
    appended += "Na";
  }
  EXPECT_EQ(loaded(archive_of(appended + ".")).value().size(), count);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(TorchFormat, SurvivesEachPrefixAndEachFlippedByte) {
  const Record options = {{"half", "f32"}, {"keys", "text"}};
  const auto look_at = [&options](const std::vector<std::byte>& bytes, bool is_mapped) {
    MemoryFile file(bytes, is_mapped);
    const auto value = torch_format()->load(file, options, make_own);
    const bool is_told = torch_format()->info(file, options).has_value();
    EXPECT_TRUE(is_told || !value);
    for (const auto& [name, member] : (value ? *value : Record()).members()) {
      if (const Array array = member.array()) {
        EXPECT_TRUE(array.packed().has_value());
      }
    }
    return value.has_value();
  };
  for (const std::string& name : {"tensors.pt"s, "sparse.pt"s}) {
    const auto sample = golden(name);
    ASSERT_FALSE(sample.empty());
    for (std::size_t size = 0; size < sample.size(); ++size) {
      EXPECT_FALSE(look_at({sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(size)}, false))
          << size;
    }
    std::vector<std::byte> flipped = sample;
    for (std::byte& one : flipped) {
      one ^= std::byte{0x55};
      (void)look_at(flipped, true);
      one ^= std::byte{0x55};
    }
  }
}

// The checksum of the archive refuses most flipped bytes of a pickle: here it is right.
TEST(TorchFormat, SurvivesEachFlippedByteOfAPickle) {
  const std::string pickle = "}(" + text_of("a") + tensor_of("FloatStorage", 6, 0, {2, 3}, {3, 1}) +
                             text_of("b") + "]q\1(K\1G\x3F\xF0\0\0\0\0\0\0e"s + text_of("c") + "h\1u."s;
  const Members members{{"data/0", std::string(24, '\0')}};
  ASSERT_TRUE(loaded(archive_of(pickle, members)).has_value());
  std::string flipped = pickle;
  for (char& one : flipped) {
    const char before = one;
    for (int change = 1; change < 256; change += 11) {
      one = static_cast<char>(before ^ change);
      (void)loaded(archive_of(flipped, members));
    }
    one = before;
  }
}

TEST(TorchFormat, ExchangesCheckpointsWithTorch) {
  const std::string python = python_with("torch");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with torch (Debian: python3-torch)";
  }
  const TemporaryFolder folder;
  ASSERT_TRUE(run_script(python, "torch_check.py", "write " + folder.path()));
  const auto bytes_of = [&](const std::string& name) { return bytes_of_file(folder.path() + "/" + name); };
  for (const CheckedFile& file : read_index(folder.path())) {
    const auto value =
        loaded(bytes_of(file.name), {{"half", "f32"}, {"keys", "text"}}, file.name.size() % 2 == 0);
    ASSERT_TRUE(value.has_value()) << file.name << ": " << value.error().what();
    const auto again = saved(*value);
    ASSERT_TRUE(again.has_value()) << file.name << ": " << again.error().what();
    write_file(folder.path() + "/" + file.name + ".again", *again);
  }
  ASSERT_TRUE(run_script(python, "torch_check.py", "compare " + folder.path()));
  expect_error(loaded(bytes_of("early.pth")), Errc::unsupported, "before version 1.6");
  expect_error(loaded(bytes_of("script.pt")), Errc::unsupported, "TorchScript");
  expect_error(loaded(bytes_of("sparse.pt")), Errc::unsupported, "_rebuild_sparse_tensor");
  expect_error(loaded(bytes_of("quantized.pt")), Errc::unsupported, "_rebuild_qtensor");
  expect_error(loaded(bytes_of("module.pt")), Errc::unsupported, "torch.nn.modules.linear.Linear");
  expect_error(loaded(bytes_of("set.pt")), Errc::unsupported, "set'");
  expect_error(loaded(bytes_of("long.pt")), Errc::unsupported, "2^63");
  expect_error(loaded(bytes_of("cycle.pt")), Errc::unsupported, "contains itself");
}

}  // namespace
}  // namespace locum::tests::of_torch
