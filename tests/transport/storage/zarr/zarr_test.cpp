#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr.hpp>

#include "tests/core/code_of.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/python_with_zarr.hpp"
#include "transport/storage/zarr/box_cuts.hpp"

namespace locum::tests {
namespace {

Array some_elements(const ElementType& type, const Extents& extents) {
  auto draft = ArrayDraft::make(type, extents).value();
  const std::span<std::byte> bytes = draft.bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<std::byte>(type.name() == "bool" ? at / 3 % 2 : (at * 7 + at / 64) % 61);
  }
  return std::move(draft).finish();
}

/// Returns the elements of a box, one by one.
Array box_of(const Array& array, const Hyperslab& box) {
  auto draft = ArrayDraft::make(array.element(), box.count).value();
  const std::size_t size = array.element().bytes();
  Extents at = box.count;
  std::fill_n(at.values.begin(), at.size(), 0);
  for (std::size_t done = 0; done < draft.bytes().size(); done += size) {
    std::int64_t from = 0;
    for (std::size_t dimension = 0; dimension < at.size(); ++dimension) {
      const std::uint64_t index = box.start[dimension] + at[dimension] * stride_of(box, dimension);
      from += static_cast<std::int64_t>(index) * array.stride(dimension);
    }
    std::memcpy(draft.bytes().data() + done, array.data() + from, size);
    for (std::size_t dimension = at.size(); dimension-- > 0;) {
      if (++at.values[dimension] < box.count[dimension]) {
        break;
      }
      at.values[dimension] = 0;
    }
  }
  return std::move(draft).finish();
}

Hyperslab some_box(const Extents& shape, std::mt19937& random) {
  Extents start = shape;
  Hyperslab box{.start = {}, .count = shape, .stride = shape};
  for (std::size_t at = 0; at < shape.size(); ++at) {
    const auto below = [&](std::uint64_t end) {
      return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random);
    };
    box.stride.values[at] = 1 + below(3) * below(4);
    start.values[at] = below(shape[at]);
    box.count.values[at] = below((shape[at] - 1 - start[at]) / box.stride[at] + 2);
  }
  box.start = start;
  return box;
}

// A changed byte of a chunk gives the right elements, or an error. Returns how many gave other ones.
int wrong_after_a_changed_byte(std::string_view codecs) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  std::vector<double> values(512);
  for (std::size_t at = 0; at < values.size(); ++at) {
    values[at] = 1.0 / static_cast<double>(1 + at);
  }
  const ZarrArray array = ZarrArray::create(files, "T.zarr",
                                            {.type = ElementType::of<double>(),
                                             .shape = {values.size()},
                                             .chunks = {values.size()},
                                             .codecs = codecs})
                              .value();
  array.write(values).value();
  const std::string path = folder.path() + "/T.zarr/c/0";
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  int wrong = 0;
  for (std::size_t at = 0; at < whole.size(); at += 3) {
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ static_cast<char>(1U << (at % 8)));
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    const auto read = array.read();
    EXPECT_TRUE(read || code_of(read) == Errc::corrupt) << read.error();
    wrong += read && !(*read == Array(values)) ? 1 : 0;
  }
  return wrong;
}

TEST(ZarrChecksums, TellOfEachChangedByte) {
  EXPECT_EQ(wrong_after_a_changed_byte(ZarrLayout().codecs), 0);
  EXPECT_EQ(wrong_after_a_changed_byte("blosc(lz4), crc32c"), 0);
  EXPECT_GT(wrong_after_a_changed_byte("zstd(1, checksum=false)"), 0) << "as other programs write it";
}

TEST(BoxCuts, HaveEachElementOfTheBoxOnce) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const Extents shape(9, 7, 8);
    const Extents chunk(1 + random() % 9, 1 + random() % 7, 1 + random() % 4);
    const Hyperslab box = some_box(shape, random);
    std::vector<int> seen(box.count[0] * box.count[1] * box.count[2]);
    const storage::BoxCuts cuts(box, chunk);
    for (std::size_t at = 0; at < cuts.size(); ++at) {
      const storage::BoxCut cut = cuts[at];
      for (std::uint64_t i = 0; i < cut.count[0]; ++i) {
        for (std::uint64_t j = 0; j < cut.count[1]; ++j) {
          for (std::uint64_t k = 0; k < cut.count[2]; ++k) {
            const std::array<std::uint64_t, 3> here{i, j, k};
            for (std::size_t d = 0; d < 3; ++d) {
              const std::uint64_t in_chunk = cut.start[d] + here[d] * box.stride[d];
              ASSERT_LT(in_chunk, chunk[d]);
              ASSERT_EQ(cut.chunk[d] * chunk[d] + in_chunk,
                        box.start[d] + (cut.target[d] + here[d]) * box.stride[d]);
            }
            ++seen[((cut.target[0] + i) * box.count[1] + cut.target[1] + j) * box.count[2] + cut.target[2] +
                   k];
          }
        }
      }
    }
    EXPECT_EQ(std::ranges::count(seen, 1), std::ssize(seen));
  }
}

TEST(Zarr, HoldsElementsOfAllTypesInBothVersions) {
  for (const char* url : {"file", "memory:"}) {
    const TemporaryFolder folder;
    const Files files(std::string(url) == "file" ? "file://" + folder.path() + "?sync=0" : std::string(url));
    int number = 0;
    for (const int version : {2, 3}) {
      for (const char* type : {"bool", "u8", "i16", "u32", "i64", "f32", "f64", "c64", "c128"}) {
        const std::string path = "T" + std::to_string(++number) + ".zarr";
        const Array values = some_elements(ElementType::named(type).value(), {10, 7});
        const auto made = ZarrArray::create(files, path,
                                            {.type = values.element(),
                                             .shape = {10, 7},
                                             .chunks = {4, 3},
                                             .attributes = {{"unit", "K"}},
                                             .version = version});
        ASSERT_TRUE(made) << made.error();
        const auto written = made->write(values.raw());
        ASSERT_TRUE(written) << written.error();
        const ZarrArray again = ZarrArray::open(files, path).value();
        EXPECT_EQ(again.version(), version);
        EXPECT_EQ(again.element().name(), type);
        EXPECT_EQ(again.shape(), Extents(10, 7));
        EXPECT_EQ(again.chunks(), Extents(4, 3));
        EXPECT_EQ(again.attributes()["unit"].as<std::string>().value(), "K");
        EXPECT_EQ(again.read().value(), values) << type;
      }
    }
  }
}

TEST(Zarr, ReadsAnyBoxOfAnyLayout) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  std::mt19937 random(2);
  const std::vector<ZarrLayout> layouts{
      {.chunks = {4, 3, 5}},
      {.chunks = {2, 3, 1}, .shards = {8, 6, 4}, .codecs = "gzip(1), crc32c"},
      {.chunks = {9, 7, 11}, .codecs = ""},
      {.chunks = {1, 1, 11}, .codecs = "", .version = 2},
      {},
  };
  const Array values = some_elements(ElementType::of<double>(), {9, 7, 11});
  for (std::size_t at = 0; at < layouts.size(); ++at) {
    ZarrLayout layout = layouts[at];
    layout.type = ElementType::of<double>();
    layout.shape = {9, 7, 11};
    const auto made = ZarrArray::create(files, "T" + std::to_string(at) + ".zarr", layout);
    ASSERT_TRUE(made) << made.error();
    ASSERT_TRUE(made->write(values.raw()));
    for (int round = 0; round < 100; ++round) {
      const Hyperslab box = some_box({9, 7, 11}, random);
      const auto read = made->read(box);
      ASSERT_TRUE(read) << read.error();
      EXPECT_EQ(*read, box_of(values, box));
    }
  }
}

TEST(Zarr, HasTheFillValueWhereNothingWasWritten) {
  const Files files("memory:");
  for (const bool has_shards : {false, true}) {
    const ZarrArray array = ZarrArray::create(files, has_shards ? "S.zarr" : "T.zarr",
                                              {.type = ElementType::of<int>(),
                                               .shape = {6, 6},
                                               .chunks = {1, 2},
                                               .shards = has_shards ? Extents(2, 4) : Extents(),
                                               .fill = Array(std::vector<int>{-7})})
                                .value();
    const std::vector<int> values(8, 42);
    ASSERT_TRUE(array.write(locum::array(values.data(), Extents(2, 4)), {2, 0}));
    const Array read = array.read().value();
    const auto seen = read.as<int>().value();
    for (std::uint64_t row = 0; row < 6; ++row) {
      for (std::uint64_t column = 0; column < 6; ++column) {
        EXPECT_EQ(seen(row, column), row / 2 == 1 && column < 4 ? 42 : -7) << row << ' ' << column;
      }
    }
  }
}

TEST(Zarr, IsOneElementWithoutDimensions) {
  const Files files("memory:");
  for (const int version : {2, 3}) {
    const std::string path = "T" + std::to_string(version);
    const ZarrArray array =
        ZarrArray::create(files, path, {.type = ElementType::of<double>(), .version = version}).value();
    EXPECT_EQ(array.read().value().value<double>().value(), 0);
    const double value = 2.5;
    ASSERT_TRUE(array.write(ConstRawArray(&value, ElementType::of<double>(), Extents())));
    EXPECT_EQ(ZarrArray::open(files, path).value().read().value().value<double>().value(), 2.5);
  }
}

// What two ranks may write at a time are different files; a box that covers one in part would take what
// another one writes there.
TEST(Zarr, RefusesBoxesThatCoverAFileInPart) {
  const Files files("memory:");
  const ZarrArray array =
      ZarrArray::create(
          files, "T.zarr",
          {.type = ElementType::of<int>(), .shape = {10, 10}, .chunks = {1, 2}, .shards = {4, 4}})
          .value();
  const std::vector<int> values(100);
  const auto some = [&](std::uint64_t rows, std::uint64_t columns) {
    return locum::array(values.data(), Extents(rows, columns));
  };
  EXPECT_TRUE(array.write(some(4, 4), {4, 4}));
  EXPECT_TRUE(array.write(some(2, 2), {8, 8})) << "up to the end of the array";
  const auto cut = array.write(some(4, 4), {2, 4});
  EXPECT_EQ(code_of(cut), Errc::invalid_argument);
  EXPECT_NE(std::string(cut.error().what()).find("multiples of 4 x 4"), std::string::npos) << cut.error();
  EXPECT_EQ(code_of(array.write(some(4, 3), {4, 4})), Errc::invalid_argument);
  EXPECT_EQ(code_of(array.write(some(4, 4), {8, 8})), Errc::invalid_argument);
  EXPECT_EQ(code_of(array.write(std::vector<double>(4), {4, 4})), Errc::type_mismatch);
}

TEST(Zarr, IsWrittenByManyAtATime) {
  constexpr int writers = 4;
  constexpr std::uint64_t rows = 40;
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray array =
      ZarrArray::create(files, "T.zarr",
                        {.type = ElementType::of<int>(), .shape = {rows, 100}, .chunks = {1, 50}})
          .value();
  std::vector<std::thread> all;
  for (int writer = 0; writer < writers; ++writer) {
    all.emplace_back([&, writer] {
      for (std::uint64_t row = static_cast<std::uint64_t>(writer); row < rows; row += writers) {
        const std::vector<int> values(100, static_cast<int>(row));
        array.write(locum::array(values.data(), Extents(1, 100)), {row, std::uint64_t{0}}).value();
      }
    });
  }
  for (auto& thread : all) {
    thread.join();
  }
  const Array read = array.read().value();
  const auto seen = read.as<int>().value();
  for (std::uint64_t row = 0; row < rows; ++row) {
    EXPECT_EQ(seen(row, 0), static_cast<int>(row));
    EXPECT_EQ(seen(row, 99), static_cast<int>(row));
  }
}

TEST(Zarr, NamesWhatWasNeverWrittenIfThatIsAsked) {
  const Files files("memory:");
  constexpr ZarrRead strict{.strict = true};
  const std::vector<int> values(4, 1);
  for (const bool has_shards : {false, true}) {
    ZarrLayout layout{.type = ElementType::of<int>(), .shape = {12}, .chunks = {2}};
    layout.shards = has_shards ? Extents(4) : Extents();
    const std::string path = has_shards ? "shards" : "chunks";
    const ZarrArray array = ZarrArray::create(files, path, layout).value();
    ASSERT_TRUE(array.write(values, {4}));
    EXPECT_TRUE(array.read({.start = {5}, .count = {3}}, strict));
    EXPECT_TRUE(array.read());
    const auto missing = array.read({}, strict);
    EXPECT_EQ(code_of(missing), Errc::not_found);
    EXPECT_NE(std::string(missing.error().what()).find(path + "/c/0"), std::string::npos) << missing.error();
    std::vector<int> into(12);
    EXPECT_EQ(code_of(array.read_to(locum::array(into.data(), Extents(12)), {}, strict)), Errc::not_found);
  }
  const ZarrArray array = ZarrArray::open(files, "shards").value();
  ASSERT_TRUE(
      array.write(std::vector<int>{1}, {8}, {.partial = PartialFiles::read_modify_write, .deadline = {}}));
  EXPECT_TRUE(array.read({.start = {8}, .count = {2}}, strict));
  const auto missing = array.read({.start = {8}, .count = {3}}, strict);
  EXPECT_EQ(code_of(missing), Errc::not_found) << "a chunk of a shard";
  EXPECT_NE(std::string(missing.error().what()).find("shards/c/2"), std::string::npos) << missing.error();
}

TEST(Zarr, GrowsAndShrinks) {
  const Files files("memory:");
  const ZarrArray array =
      ZarrArray::create(files, "T.zarr", {.type = ElementType::of<int>(), .shape = {0, 4}, .chunks = {2, 4}})
          .value();
  EXPECT_EQ(array.read().value().size(), 0U);
  ASSERT_TRUE(array.resize({4, 4}));
  const std::vector<int> values(8, 1);
  ASSERT_TRUE(array.write(locum::array(values.data(), Extents(2, 4)), {2, 0}));
  EXPECT_EQ(ZarrArray::open(files, "T.zarr").value().shape(), Extents(4, 4));
  EXPECT_EQ(code_of(array.resize({4})), Errc::invalid_argument);
  ASSERT_TRUE(array.set_attributes({{"unit", "m"}}));
  EXPECT_EQ(ZarrArray::open(files, "T.zarr").value().attributes()["unit"].as<std::string>().value(), "m");
}

TEST(Zarr, NamesTheFileThatIsDamaged) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  for (const bool has_shards : {false, true}) {
    const std::string path = has_shards ? "S.zarr" : "T.zarr";
    const ZarrArray array = ZarrArray::create(files, path,
                                              {.type = ElementType::of<int>(),
                                               .shape = {8, 8},
                                               .chunks = {2, 2},
                                               .shards = has_shards ? Extents(4, 4) : Extents(),
                                               .codecs = "crc32c"})
                                .value();
    ASSERT_TRUE(array.write(some_elements(ElementType::of<int>(), {8, 8}).raw()));
    const std::string file = folder.path() + '/' + path + "/c/1/1";
    const auto bytes = bytes_of_file(file);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      auto changed = bytes;
      changed[at] ^= std::byte{1};
      write_file(file, changed);
      const auto read = array.read();
      ASSERT_EQ(code_of(read), Errc::corrupt) << at;
      EXPECT_NE(std::string(read.error().what()).find(path + "/c/1/1"), std::string::npos) << read.error();
      write_file(file, std::span(bytes).first(at));
      EXPECT_EQ(code_of(array.read()), Errc::corrupt) << at;
    }
  }
}

// A few bytes of metadata may claim more chunks than any machine has memory for the index of.
TEST(Zarr, TakesNoMemoryForAnIndexThatIsNotThere) {
  constexpr std::uint64_t chunks = std::uint64_t{1} << 50U;
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray array =
      ZarrArray::create(
          files, "T.zarr",
          {.type = ElementType::of<std::uint8_t>(), .shape = {chunks}, .chunks = {1}, .shards = {chunks}})
          .value();
  EXPECT_EQ(array.read({.start = {5}, .count = {1}}).value().size(), 1U);
  std::filesystem::create_directory(folder.path() + "/T.zarr/c");
  std::ofstream(folder.path() + "/T.zarr/c/0") << "short";
  EXPECT_EQ(code_of(array.read({.start = {5}, .count = {1}})), Errc::corrupt);
  const std::vector<std::uint8_t> one(1);
  EXPECT_EQ(code_of(array.write(one)), Errc::invalid_argument);
}

TEST(Zarr, TellsWhatIsWrong) {
  const Files files("memory:");
  EXPECT_EQ(code_of(ZarrArray::open(files, "none.zarr")), Errc::not_found);
  EXPECT_EQ(code_of(ZarrArray::create(files, "T.zarr", {.shape = {1}})), Errc::invalid_argument);
  const ElementType type = ElementType::of<double>();
  EXPECT_EQ(code_of(ZarrArray::create(files, "T.zarr", {.type = type, .shape = {4}, .chunks = {0}})),
            Errc::invalid_argument);
  EXPECT_EQ(
      code_of(ZarrArray::create(files, "T.zarr", {.type = type, .shape = {4}, .chunks = {2}, .shards = {3}})),
      Errc::invalid_argument);
  EXPECT_EQ(code_of(ZarrArray::create(
                files, "T.zarr", {.type = type, .shape = {4}, .chunks = {2}, .shards = {4}, .version = 2})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(ZarrArray::create(files, "T.zarr", {.type = type, .shape = {4}, .codecs = "zip"})),
            Errc::unsupported);
  ASSERT_TRUE(ZarrArray::create(files, "T.zarr", {.type = type, .shape = {4}}));
  EXPECT_EQ(code_of(ZarrArray::create(files, "T.zarr", {.type = type, .shape = {4}})), Errc::key_exists);
  const ZarrArray array = ZarrArray::open(files, "T.zarr").value();
  EXPECT_EQ(code_of(array.read({.start = {2}, .count = {3}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(array.read({.start = {0, 0}, .count = {1, 1}})), Errc::invalid_argument);
}

// Reads the arrays of a folder that have their elements beside them, in NAME.npy, and writes them again as
// they were laid out. Returns how many there are.
std::size_t read_and_write_all(const std::string& folder) {
  const Files files("file://" + folder + "?sync=0");
  std::mt19937 random(3);
  std::size_t arrays = 0;
  for (const std::string& npy : files.list("", {.pattern = "*.npy"}).value()) {
    const std::string name = npy.substr(0, npy.size() - 4);
    const auto array = ZarrArray::open(files, name + ".zarr");
    if (!array) {
      ADD_FAILURE() << array.error();
      continue;
    }
    const Array expected = Array::of(files.load_raw(npy).value()).value();
    const auto read = array->read();
    if (!read) {
      ADD_FAILURE() << read.error();
      continue;
    }
    EXPECT_EQ(*read, expected.packed().value()) << name;
    EXPECT_EQ(array->attributes()["unit"].as<std::string>().value(), "K");
    if (expected.extents().size() > 0) {
      const Hyperslab box = some_box(expected.extents(), random);
      EXPECT_EQ(array->read(box).value(), box_of(expected, box)) << name;
    }
    std::filesystem::remove_all(folder + '/' + name + ".zarr/c");
    const auto written = array->write(expected.raw());
    EXPECT_TRUE(written) << name << ": " << written.error();
    ++arrays;
  }
  return arrays;
}

// Version 2 by zarr-python; version 3 by an encoder and a decoder that were made from its specification.
TEST(Zarr, IsReadAndWrittenByOtherPrograms) {
  const std::string python = python_with_zarr2();
  if (python.empty()) {
    GTEST_SKIP() << no_zarr2;
  }
  const TemporaryFolder folder;
  ASSERT_TRUE(run_script(python, "zarr_arrays_check.py", "write " + folder.path()));
  EXPECT_GT(read_and_write_all(folder.path()), 300U);
  ASSERT_TRUE(run_script(python, "zarr_arrays_check.py", "read " + folder.path()));
}

// Both versions by zarrita, which shares no code with zarr-python: those of the test above, and its own.
// Makes arrays of both versions, with their elements beside them. Returns how many.
std::size_t create_some(const std::string& folder) {
  const Files files("file://" + folder + "?sync=0");
  std::size_t made = 0;
  for (const int version : {2, 3}) {
    for (const char* const codecs :
         {ZarrLayout().codecs.data(), "", "gzip(5)", "blosc(lz4)", "blosc(zstd, 5, bitshuffle)", "crc32c"}) {
      for (const bool has_shards : {false, true}) {
        if (version == 2 && (has_shards || codecs == std::string_view("crc32c"))) {
          continue;
        }
        ZarrLayout layout{
            .type = ElementType::of<double>(), .shape = {7, 9}, .chunks = {2, 3}, .codecs = codecs};
        layout.shards = has_shards ? Extents(4, 6) : Extents();
        layout.version = version;
        layout.fill = Array(std::vector<double>{1.5});
        layout.dimensions = version == 3 ? std::vector<std::string>{"y", "x"} : std::vector<std::string>();
        layout.attributes = {{"unit", "K"}};
        const std::string name = "ours_" + std::to_string(made++);
        const Array values = some_elements(layout.type, layout.shape);
        const ZarrArray array = ZarrArray::create(files, name + ".zarr", layout).value();
        EXPECT_TRUE(array.write(values.raw()));
        EXPECT_TRUE(files.save(name + ".npy", values));
      }
    }
  }
  return made;
}

// Both versions, with shards, by zarr-python 3 (Debian 13).
TEST(Zarr, IsReadAndWrittenByZarrPython3) {
  const char* const given = std::getenv("LOCUM_ZARR3");
  const std::string python = given != nullptr ? given : python_with_zarr("3");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with zarr-python 3 (Debian 13: python3-zarr), and LOCUM_ZARR3 names "
                    "no command of one";
  }
  const TemporaryFolder folder;
  ASSERT_TRUE(run_script(python, "zarr3_check.py", "write " + folder.path()));
  EXPECT_EQ(read_and_write_all(folder.path()), 154U);
  EXPECT_EQ(create_some(folder.path()), 17U);
  ASSERT_TRUE(run_script(python, "zarr3_check.py", "read " + folder.path()));
}

TEST(Zarr, IsReadAndWrittenByZarrita) {
  const char* const modules = std::getenv("LOCUM_ZARRITA");
  if (modules == nullptr) {
    GTEST_SKIP() << "LOCUM_ZARRITA does not name the folder node_modules of `npm install zarrita`";
  }
  const TemporaryFolder folder;
  const std::string where = folder.path() + " '" + modules + "'";
  ASSERT_TRUE(run_script("node", "zarrita_check.mjs", "write " + where));
  EXPECT_EQ(read_and_write_all(folder.path()), 132U);
  if (const std::string python = python_with_zarr2(); !python.empty()) {
    ASSERT_TRUE(run_script(python, "zarr_arrays_check.py", "write " + folder.path()));
    EXPECT_GT(read_and_write_all(folder.path()), 450U);
  }
  ASSERT_TRUE(run_script("node", "zarrita_check.mjs", "read " + where));
}

// The index of this shard has 2^54 bytes, which is more than there are addresses.
TEST(Zarr, NamesTheArrayForWhichThereIsNoMemory) {
  if (sanitized) {
    GTEST_SKIP() << "a sanitizer ends the process that asks for so much";
  }
  const Files files("memory:");
  constexpr std::uint64_t most = std::uint64_t{1} << 50U;
  const ZarrArray array =
      ZarrArray::create(
          files, "a/huge.zarr",
          {.type = ElementType::of<std::uint8_t>(), .shape = {most}, .chunks = {1}, .shards = {most}})
          .value();
  const auto done =
      array.write(std::vector<std::uint8_t>(8), {0}, {.partial = PartialFiles::read_modify_write});
  ASSERT_EQ(code_of(done), Errc::out_of_memory);
  EXPECT_EQ(done.error().key(), "a/huge.zarr");
}

}  // namespace
}  // namespace locum::tests
