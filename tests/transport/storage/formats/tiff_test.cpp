#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <iostream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/formats/memory_file.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/formats/tiff/tiff_format.hpp"

namespace locum::tests::of_tiff {
namespace {

using storage::tiff_format;

const std::vector<std::string> types{"bool", "u8",  "u16", "u32", "u64", "i8",  "i16",
                                     "i32",  "i64", "f32", "f64", "c64", "c128"};

/// Makes an array of some elements, none of which are alike in a row.
Array some_array(const std::string& type, const Extents& extents) {
  auto draft = ArrayDraft::make(ElementType::named(type).value(), extents).value();
  const std::span<std::byte> bytes = draft.bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<std::byte>(type == "bool" ? at / 3 % 2 : (at * 7 + at / 64) % 61);
  }
  return std::move(draft).finish();
}

Result<std::vector<std::byte>> saved(const Record& value, const Record& options = Record()) {
  MemoryDraft draft;
  auto done = tiff_format()->save(value, draft, options);
  if (!done) {
    return done.error();
  }
  return draft.bytes();
}
Result<Record> loaded(const std::vector<std::byte>& bytes, const Record& options = Record()) {
  MemoryFile file(bytes);
  return tiff_format()->load(file, options, make_own);
}
Record info_of(const std::vector<std::byte>& bytes) {
  MemoryFile file(bytes);
  return tiff_format()->info(file, {}).value();
}

/// A file of one page, made by hand: little-endian, its directory at byte 8, its data behind.
class HandMade {
 public:
  HandMade() {
    set(256, 4, 4);   // width
    set(257, 4, 3);   // height
    set(258, 3, 8);   // bits
    set(259, 3, 1);   // compression
    set(262, 3, 1);   // photometric
    set(277, 3, 1);   // samples
    set(278, 4, 3);   // rows of a strip
    set(279, 4, 12);  // bytes of the strip
  }
  HandMade& set(std::uint16_t tag, std::uint16_t type, std::uint32_t value) {
    const auto found = std::ranges::find(tags_, tag, &Tag::tag);
    (found == tags_.end() ? tags_.emplace_back() : *found) = {tag, type, value};
    return *this;
  }
  HandMade& next(std::uint32_t offset) {
    next_ = offset;
    return *this;
  }
  [[nodiscard]] std::vector<std::byte> bytes(std::size_t data = 12) {
    if (std::ranges::find(tags_, 273, &Tag::tag) == tags_.end()) {
      set(273, 4, static_cast<std::uint32_t>(8 + 2 + 12 * (tags_.size() + 1) + 4));
    }
    std::ranges::sort(tags_, {}, &Tag::tag);
    std::vector<std::byte> file;
    const auto number = [&file](std::uint32_t value, int count) {
      for (int at = 0; at < count; ++at) {
        file.push_back(static_cast<std::byte>(value >> 8 * at));
      }
    };
    number(0x2A4949, 4);
    number(8, 4);
    number(static_cast<std::uint32_t>(tags_.size()), 2);
    for (const Tag& tag : tags_) {
      number(tag.tag, 2);
      number(tag.type, 2);
      number(1, 4);
      number(tag.value, 4);
    }
    number(next_, 4);
    for (std::size_t at = 0; at < data; ++at) {
      file.push_back(static_cast<std::byte>(at));
    }
    return file;
  }

 private:
  struct Tag {
    std::uint16_t tag, type;
    std::uint32_t value;
  };
  std::vector<Tag> tags_;
  std::uint32_t next_ = 0;
};

void expect_error(const Result<Record>& result, Errc code, std::string_view text) {
  ASSERT_FALSE(result.has_value()) << text;
  EXPECT_EQ(result.error().code(), code) << result.error().what();
  EXPECT_NE(result.error().text().find(text), std::string::npos) << result.error().what();
}

TEST(TiffFormat, RecognisesItsFiles) {
  const auto bytes = saved(some_array("u8", {2, 3})).value();
  EXPECT_TRUE(tiff_format()->recognises(bytes));
  EXPECT_TRUE(tiff_format()->recognises(saved(some_array("u8", {2, 3}), {{"bigtiff", true}}).value()));
  EXPECT_FALSE(tiff_format()->recognises(std::as_bytes(std::span("IIK"))));
  EXPECT_FALSE(tiff_format()->recognises({}));
}

TEST(TiffFormat, LoadsWhatItSaved) {
  for (const std::string& type : types) {
    for (const char* compression : {"none", "deflate", "lzw"}) {
      for (const int tile : {0, 16}) {
        for (const Extents& extents : {Extents(37, 45), Extents(3, 20, 33), Extents(2, 2, 5, 7)}) {
          Record options = {{"compression", compression}};
          if (tile > 0) {
            options.set("tile", tile);
          }
          const Array array = some_array(type, extents);
          const auto bytes = saved(array, options).value();
          const auto again = loaded(bytes);
          ASSERT_TRUE(again.has_value()) << type << ' ' << compression << ' ' << again.error().what();
          const Extents pages = extents.size() == 4 ? Extents(4, 5, 7) : extents;
          EXPECT_EQ(again->array(), Array(array.owner(), ConstRawArray(array.data(), array.element(), pages)))
              << type << ' ' << compression << ' ' << tile;
        }
      }
    }
  }
}

TEST(TiffFormat, SavesSamplesWithAPredictorAndAsBigTiff) {
  for (const char* type : {"u8", "u16", "i32", "f32", "f64", "u64"}) {
    for (const int samples : {1, 2, 3, 4, 5}) {
      const Array array = some_array(type, {2, 9, 14, samples});
      const auto bytes = saved(array, {{"samples", true},
                                       {"predictor", true},
                                       {"compression", samples % 2 == 0 ? "lzw" : "deflate"},
                                       {"bigtiff", samples == 3},
                                       {"tile", 32}});
      ASSERT_TRUE(bytes.has_value()) << type << bytes.error().what();
      const Array again = loaded(*bytes).value().array();
      EXPECT_TRUE(std::ranges::equal(again.bytes(), array.bytes())) << type << samples;
      EXPECT_EQ(again.extents(), samples == 1 ? Extents(2, 9, 14) : array.extents());
      EXPECT_EQ(info_of(*bytes)["compression"].text(), samples % 2 == 0 ? "lzw" : "deflate");
    }
  }
}

TEST(TiffFormat, SavesArraysWithStrides) {
  const Array array = some_array("u16", {6, 8});
  const std::array<std::int64_t, 2> strides{2, 16};
  const Array turned(array.owner(), ConstRawArray(array.data(), array.element(), Extents(8, 6), strides));
  EXPECT_EQ(loaded(saved(turned).value()).value().array(), turned);
}

// Elements of a store are memory that is only read.
TEST(TiffFormat, DoesNotWriteToTheElementsThatItSaves) {
  constexpr std::size_t page = 4096;
  void* const memory = ::mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::shared_ptr<void> owner(memory, [](void* mapped) { ::munmap(mapped, page); });
  for (const std::string& type : types) {
    const ElementType element = ElementType::named(type).value();
    const Array array(owner, ConstRawArray(memory, element, Extents(16, 16)));
    for (const bool has_predictor : {false, type != "bool" && type[0] != 'c'}) {
      for (const int tile : {0, 16}) {
        Record options = {{"compression", has_predictor ? "deflate" : "none"}, {"predictor", has_predictor}};
        if (tile > 0) {
          options.set("tile", tile);
        }
        EXPECT_EQ(loaded(saved(array, options).value()).value().array(), array) << type;
      }
    }
  }
}

TEST(TiffFormat, KeepsPagesThatDifferAsAList) {
  const Record list = Record::list({some_array("u8", {4, 5}), some_array("f32", {6, 7})});
  const auto bytes = saved(list).value();
  EXPECT_EQ(loaded(bytes).value(), list);
  EXPECT_EQ(loaded(bytes, {{"page", 1}}).value(), list[1]);
  expect_error(loaded(bytes, {{"page", 2}}), Errc::invalid_argument, "the pages 0 to 1");
  const Record info = info_of(bytes);
  EXPECT_EQ(info["pages"], Record(2));
  EXPECT_EQ(info["each"][1]["type"].text(), "f32");
}

TEST(TiffFormat, ReturnsTheDescriptionWhereAsked) {
  const Record value = Record::members({{"data", some_array("i16", {3, 4})}, {"description", "a field"}});
  const auto bytes = saved(value).value();
  EXPECT_EQ(loaded(bytes, {{"description", true}}).value(), value);
  EXPECT_EQ(loaded(bytes).value(), value["data"]);
  EXPECT_EQ(info_of(bytes)["description"].text(), "a field");
  EXPECT_EQ(loaded(saved(value["data"], {{"description", "other"}}).value(), {{"description", true}})
                .value()["description"]
                .text(),
            "other");
  EXPECT_EQ(
      info_of(saved(value["data"], {{"description", "ImageJ=1\nframes=2\nchannels=3\n"}}).value())["axes"]
          .text(),
      "TCYX");
}

TEST(TiffFormat, RefusesWhatItDoesNotHold) {
  const auto refused = [](const Record& value, const Record& options, Errc code, std::string_view text) {
    const auto bytes = saved(value, options);
    ASSERT_FALSE(bytes.has_value());
    EXPECT_EQ(bytes.error().code(), code) << bytes.error().what();
    EXPECT_NE(bytes.error().text().find(text), std::string::npos) << bytes.error().what();
  };
  refused(some_array("u8", {5}), {}, Errc::type_mismatch, "two dimensions");
  refused(some_array("u8", {0, 5}), {}, Errc::type_mismatch, "are 0");
  refused(some_array("char", {2, 5}), {}, Errc::type_mismatch, "'char'");
  refused(some_array("u8", {2, 5}), {{"samples", true}}, Errc::type_mismatch, "three dimensions");
  refused(Record("text"), {}, Errc::type_mismatch, "save an array");
  refused({{"a", some_array("u8", {2, 2})}}, {}, Errc::type_mismatch, "`data` and `description`");
  refused(some_array("u8", {2, 5}), {{"tile", 10}}, Errc::invalid_argument, "multiple of 16");
  refused(some_array("u8", {2, 5}), {{"compression", "zip"}}, Errc::invalid_argument, "'deflate'");
  refused(some_array("u8", {2, 5}), {{"predictor", true}}, Errc::invalid_argument, "predictor");
  refused(some_array("u8", {2, 5}), {{"description", "ImageJ=1.53\nimages=4\n"}}, Errc::invalid_argument,
          "tells of 4 images");
  refused(some_array("c64", {2, 5}), {{"predictor", true}, {"compression", "lzw"}}, Errc::invalid_argument,
          "complex");
}

TEST(TiffFormat, RefusesWhatItCannotLoadByName) {
  EXPECT_EQ(loaded(HandMade().bytes()).value().array().extents(), Extents(3, 4));
  expect_error(loaded(HandMade().set(258, 3, 12).bytes(18)), Errc::unsupported, "of 12 bits");
  expect_error(loaded(HandMade().set(258, 3, 4).bytes()), Errc::unsupported, "of 4 bits");
  expect_error(loaded(HandMade().set(262, 3, 8).bytes()), Errc::unsupported, "L*a*b*");
  expect_error(loaded(HandMade().set(262, 3, 6).set(277, 3, 3).set(279, 4, 36).bytes(36)), Errc::unsupported,
               "YCbCr");
  expect_error(loaded(HandMade().set(339, 3, 4).bytes()), Errc::unsupported, "without a type");
  expect_error(loaded(HandMade().set(259, 3, 6).bytes()), Errc::unsupported, "compressed by");
  expect_error(loaded(HandMade().set(259, 3, 4711).bytes()), Errc::unsupported, "method 4711");
  expect_error(loaded(HandMade().set(258, 3, 16).set(339, 3, 3).set(279, 4, 24).bytes(24)), Errc::unsupported,
               "half = \"f32\"");
  expect_error(loaded(HandMade().set(254, 4, 1).bytes()), Errc::unsupported, "smaller copies");
  EXPECT_TRUE(loaded(HandMade().set(254, 4, 1).bytes(), {{"page", 0}}).has_value());
  expect_error(loaded(std::vector<std::byte>(100)), Errc::corrupt, "at byte 0");
  expect_error(loaded({}), Errc::corrupt, "has 0 bytes");
}

TEST(TiffFormat, MakesNoMemoryThatTheFileDoesNotJustify) {
  const auto refused = [](const std::vector<std::byte>& bytes, std::string_view text) {
    MemoryFile file(bytes);
    const MakeArray make = [](const ElementType&, const Extents&) -> Result<ArrayDraft> {
      ADD_FAILURE() << "memory is made";
      return Error(Errc::out_of_memory, "none");
    };
    expect_error(tiff_format()->load(file, {}, make), Errc::corrupt, text);
  };
  refused(HandMade().set(256, 4, 4000).bytes(), "cannot hold by its compression");
  refused(HandMade().set(256, 4, 0xFFFFFFFF).set(257, 4, 0xFFFFFFFF).bytes(), "");
  refused(HandMade().set(256, 4, 4000000).set(257, 4, 4000000).set(259, 3, 8).bytes(), "");
  refused(HandMade().set(257, 4, 0x7FFFFFFF).set(278, 4, 1).set(259, 3, 8).bytes(), "");
  refused(HandMade().set(256, 4, 0).bytes(), "");
  refused(HandMade().next(8).bytes(), "behind page 0");
}

TEST(TiffFormat, RefusesTilesThatTheFileDoesNotJustify) {
  const auto bytes =
      HandMade().set(322, 3, 65520).set(323, 3, 65520).set(324, 4, 8).set(325, 4, 12).set(259, 3, 8).bytes();
  expect_error(loaded(bytes), Errc::corrupt, "");
}

TEST(TiffFormat, NamesTheStripThatIsDamaged) {
  auto bytes = saved(some_array("u16", {100, 100}), {{"compression", "deflate"}}).value();
  std::fill_n(bytes.begin() + 60, 40, std::byte{0xFF});
  testing::internal::CaptureStderr();
  const auto result = loaded(bytes);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  expect_error(result, Errc::corrupt, "page 0, strip 0");
  EXPECT_FALSE(result.error().detail().empty());
}

TEST(TiffFormat, ReportsAFullDisk) {
  const Array array = some_array("u32", {100, 100});
  const std::size_t whole = saved(array).value().size();
  for (const std::size_t most : {std::size_t{0}, std::size_t{4}, std::size_t{1000}, whole - 1}) {
    MemoryDraft draft(most);
    const auto done = tiff_format()->save(array, draft, {});
    ASSERT_FALSE(done.has_value()) << most;
    EXPECT_EQ(done.error().code(), Errc::system) << done.error().what();
    EXPECT_NE(done.error().text().find("no space is left"), std::string::npos) << done.error().what();
  }
}

TEST(TiffFormat, SavesAndLoadsManyPagesInLinearTime) {
  const Array array = some_array("u8", {5000, 2, 3});
  const auto bytes = saved(array).value();
  MemoryFile file(bytes);
  EXPECT_EQ(tiff_format()->load(file, {}, make_own).value().array(), array);
  EXPECT_LT(file.reads(), 5000U);
  const Array tiled = some_array("u8", {1000, 20, 20});
  EXPECT_EQ(loaded(saved(tiled, {{"tile", 16}, {"compression", "deflate"}}).value()).value().array(), tiled);
}

TEST(TiffFormat, IsUsedByThreadsAtTheSameTime) {
  const auto good = saved(some_array("f32", {50, 50}), {{"compression", "lzw"}}).value();
  auto damaged = good;
  damaged.resize(good.size() / 2);
  std::vector<std::thread> threads;
  std::array<int, 4> wrong{};
  for (std::size_t at = 0; at < wrong.size(); ++at) {
    threads.emplace_back([&, at] {
      for (int turn = 0; turn < 50; ++turn) {
        wrong[at] += loaded(at % 2 == 0 ? good : damaged).has_value() == (at % 2 == 0) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, (std::array<int, 4>{}));
}

TEST(TiffFormat, SurvivesEachPrefixAndEachFlippedByte) {
  std::vector<std::vector<std::byte>> samples;
  samples.push_back(saved(some_array("u16", {2, 3, 4}), {{"compression", "deflate"}}).value());
  samples.push_back(saved(some_array("f32", {17, 5}), {{"tile", 16}, {"compression", "lzw"}}).value());
  samples.push_back(saved(some_array("bool", {3, 9}), {{"bigtiff", true}}).value());
  samples.push_back(
      saved(Record::list({some_array("u8", {2, 3}), some_array("c64", {3, 2})}), {{"description", "text"}})
          .value());
  samples.push_back(HandMade().set(279, 4, 24).set(339, 3, 3).set(258, 3, 16).bytes(24));
  const Record options = {{"half", "f32"}, {"palette", "indices"}};
  const auto look_at = [&options](const std::vector<std::byte>& bytes) {
    MemoryFile file(bytes);
    std::uint64_t made = 0;
    const MakeArray make = [&](const ElementType& element, const Extents& extents) {
      made += element.bytes() * std::accumulate(extents.span().begin(), extents.span().end(),
                                                std::uint64_t{1}, std::multiplies<>());
      return ArrayDraft::make(element, extents);
    };
    const auto value = tiff_format()->load(file, options, make);
    EXPECT_LE(made, bytes.size() << 17U);
    const bool is_told = tiff_format()->info(file, options).has_value();
    EXPECT_TRUE(is_told || !value);
    return value.has_value();
  };
  testing::internal::CaptureStderr();
  for (const auto& sample : samples) {
    ASSERT_TRUE(look_at(sample));
    for (std::size_t size = 0; size < sample.size(); ++size) {
      (void)look_at({sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(size)});
    }
    std::vector<std::byte> flipped = sample;
    for (std::byte& one : flipped) {
      for (const auto mask : {std::byte{0x01}, std::byte{0x80}, std::byte{0xFF}}) {
        one ^= mask;
        (void)look_at(flipped);
        one ^= mask;
      }
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(TiffFormat, LoadsWhatTifffileWrote) {
  const std::string python = python_with("numpy, tifffile");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with tifffile (Debian: python3-tifffile)";
  }
  const TemporaryFolder folder;
  ASSERT_TRUE(run_script(python, "tiff_check.py", "write " + folder.path()));
  for (const CheckedFile& file : read_index(folder.path())) {
    Record options;
    if (const std::size_t equals = file.option.find('='); equals != std::string::npos) {
      options = Record::members({{file.option.substr(0, equals), file.option.substr(equals + 1)}});
    }
    const auto value = loaded(bytes_of_file(folder.path() + "/" + file.name), options);
    ASSERT_TRUE(value.has_value()) << file.name << ": " << value.error().what();
    EXPECT_TRUE(file.describes(value->array(), folder.path())) << file.name;
  }
  const auto bytes_of = [&](const char* name) { return bytes_of_file(folder.path() + "/" + name); };
  expect_error(loaded(bytes_of("half.tif")), Errc::unsupported, "half = \"f32\"");
  expect_error(loaded(bytes_of("palette.tif")), Errc::unsupported, "palette = \"indices\"");
  expect_error(loaded(bytes_of("hyperstack.tif"), {{"page", 0}}), Errc::unsupported, "5 images");
  EXPECT_EQ(loaded(bytes_of("differing.tif")).value().size(), 2U);
  EXPECT_EQ(info_of(bytes_of("imagej.tif"))["axes"].text(), "TZCYX");
  EXPECT_EQ(info_of(bytes_of("ome.tif"))["axes"].text(), "TZCYX");
  EXPECT_EQ(info_of(bytes_of("hyperstack.tif"))["pages"], Record(5));
  EXPECT_EQ(info_of(bytes_of("pyramid.tif"))["left out"], Record(2));
  if (const auto jpeg = bytes_of("jpeg.tif"); !jpeg.empty()) {
    const Array colours = loaded(jpeg).value().array();
    EXPECT_EQ(colours.extents(), Extents(2, 50, 60, 3));
  }
}

TEST(TiffFormat, IsReadByTifffile) {
  const std::string python = python_with("numpy, tifffile");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with tifffile (Debian: python3-tifffile)";
  }
  const TemporaryFolder folder;
  const auto add = [&folder](const std::string& name, const Array& array, const Record& options) {
    write_file(folder.path() + "/" + name, saved(array, options).value());
    add_to_index(folder.path(), name, array);
  };
  for (const std::string& type : types) {
    for (const char* compression : {"none", "deflate"}) {
      for (const int tile : {0, 16}) {
        Record options = {{"compression", compression}};
        if (tile > 0) {
          options.set("tile", tile);
        }
        if (type == "bool" && tile > 0) {
          continue;  // tifffile reads no tiles of bits
        }
        const std::string name = type + "_" + compression + "_" + std::to_string(tile);
        add(name + "_1.tif", some_array(type, {37, 45}), options);
        add(name + "_3.tif", some_array(type, {3, 20, 33}), options);
      }
    }
  }
  add("lzw.tif", some_array("u16", {3, 20, 33}), {{"compression", "lzw"}, {"predictor", true}});
  add("predictor.tif", some_array("u16", {3, 20, 33}), {{"compression", "deflate"}, {"predictor", true}});
  add("rgb.tif", some_array("u8", {2, 9, 14, 3}), {{"samples", true}});
  add("rgba.tif", some_array("u16", {2, 9, 14, 4}), {{"samples", true}});
  add("channels.tif", some_array("f32", {2, 9, 14, 5}), {{"samples", true}, {"tile", 16}});
  add("big.tif", some_array("f64", {2, 9, 14}), {{"bigtiff", true}});
  ASSERT_TRUE(run_script(python, "tiff_check.py", "read " + folder.path()));
}

}  // namespace
}  // namespace locum::tests::of_tiff
