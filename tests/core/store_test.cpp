#include "core/store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <numeric>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/containers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/copy_of.hpp"
#include "tests/core/session_fixture.hpp"
#include "tests/core/slow_connector.hpp"

namespace locum::store_test {
namespace {

using namespace std::chrono_literals;
using tests::SessionFixture;

struct Mesh {
  static constexpr std::string_view locum_type_name = "tests.mesh";

  std::vector<double> points;
  std::map<std::string, int> tags;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(points, tags);
  }
};

struct Particle {
  static constexpr std::string_view locum_type_name = "tests.particle";

  double x, y, z;
  std::int64_t id;
};

using tests::code_of;
using tests::copy_of;

TEST(Store, ReadsSomeElementsOfAnArray) {
  const SessionFixture one;
  Store store = one.store();
  std::vector<double> numbers(100);
  std::iota(numbers.begin(), numbers.end(), 0.5);
  const Key key = store.put("numbers", numbers).value();
  const auto whole = store.get<double[]>(key).value();
  const auto part = store.get<double[]>(key, {.part = {.offset = 10, .count = 3}}).value();
  EXPECT_EQ(part.span().data(), whole.data() + 10) << "in place";
  EXPECT_EQ(part.size(), 3U);
  EXPECT_EQ(part[2], 12.5);
  EXPECT_EQ(part.extents().size(), 1U);
  EXPECT_EQ(part.extents()[0], 3U);
  const std::size_t last = 99;
  EXPECT_EQ(store.get<double[]>("numbers", {.part = {.offset = last, .count = 1}}).value()[0], 99.5);
  EXPECT_EQ(store.get<double[]>("numbers", {.part = {.offset = 0, .count = 100}}).value().extents()[0], 100U);
  EXPECT_EQ(store.get_bytes(key, {.part = {.offset = 8, .count = 4}}).value().size(), 4U);
  EXPECT_EQ(store.get_bytes("numbers", {.part = {.offset = 0, .count = 800}}).value().size(), 800U);

  for (const int offset : {0, 7, 100}) {
    const auto none = store.get<double[]>(key, {.part = {.offset = offset, .count = 0}});
    ASSERT_TRUE(none) << none.error();
    EXPECT_TRUE(none->empty());
    EXPECT_EQ(none->extents(), Extents(0));
    EXPECT_TRUE(store.get<double[]>(key, {.slab = {.start = {offset}, .count = {0}}}).value().empty());
    std::vector<double> nothing;
    EXPECT_EQ(store.read(key, std::span(nothing), {.part = {.offset = offset, .count = 0}}).value(), 0U);
    EXPECT_EQ(
        store.read(key, array(nothing.data(), {0}), {.slab = {.start = {offset}, .count = {0}}}).value(), 0U);
  }
  EXPECT_EQ(code_of(store.get<float[]>(key, {.part = {.offset = 7, .count = 0}})), Errc::type_mismatch);
  EXPECT_EQ(code_of(store.get<double[]>(key, {.part = {.offset = 101, .count = 0}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<double[]>(key, {.slab = {.start = {101}, .count = {0}}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<double[]>(key, {.part = {.offset = 100, .count = 1}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<double[]>(key, {.part = {.offset = 99, .count = 2}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<double[]>(key, {.part = {.offset = -1, .count = 2}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<double[]>(key, {.part = {.offset = 1, .count = std::uint64_t{1} << 61U}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get_bytes("numbers", {.part = {.offset = 800, .count = 1}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<float[]>(key, {.part = {.offset = 1, .count = 2}})), Errc::type_mismatch);
  EXPECT_EQ(store.get<float[]>("numbers").error().key(), "numbers");
  EXPECT_EQ(code_of(store.get<double[]>("none", {.part = {.offset = 1, .count = 2}})), Errc::not_found);
  EXPECT_EQ(code_of(store.get<double[]>("", {.part = {.offset = 1, .count = 2}})), Errc::invalid_argument);
}

// A plane of a field with several dimensions is a part, too: its elements are contiguous.
TEST(Store, APartOfAFieldHasOneExtent) {
  const SessionFixture one;
  Store store = one.store();
  auto writer = store.create<int>({4, 5, 6}).value();
  std::iota(writer.begin(), writer.end(), 0);
  const Key key = writer.seal().value();
  const auto plane = store.get<int[]>(key, {.part = {.offset = 2 * 5 * 6, .count = 5 * 6}}).value();
  EXPECT_EQ(plane[0], 60);
  EXPECT_EQ(plane.extents().size(), 1U);
  EXPECT_EQ(plane.extents()[0], 30U);
  EXPECT_EQ(store.get<int[]>(key).value().extents().size(), 3U);
}

TEST(Store, ReadsAHyperslabAsAnArrayOfItsOwn) {
  const SessionFixture one;
  Store store = one.store();
  auto writer = store.create<int>("field", {4, 5, 6}).value();
  std::iota(writer.begin(), writer.end(), 0);
  const Key key = writer.seal().value();
  const auto box = store.get<int[]>(key, {.slab = {.start = {1, 2, 3}, .count = {2, 2, 3}}}).value();
  EXPECT_EQ(std::vector<int>(box.begin(), box.end()),
            (std::vector<int>{45, 46, 47, 51, 52, 53, 75, 76, 77, 81, 82, 83}));
  EXPECT_EQ(box.extents(), Extents(2, 2, 3));
  EXPECT_EQ(box.key(), key);
  EXPECT_EQ(one.reads(Path::shm_copy), 1U);
  const std::size_t every = 3;
  const auto coarse =
      store
          .get<int[]>("field",
                      {.slab = {.start = {0, 0, 0}, .count = {2, 2, 2}, .stride = {2, every, every}}})
          .value();
  EXPECT_EQ(std::vector<int>(coarse.begin(), coarse.end()), (std::vector<int>{0, 3, 18, 21, 60, 63, 78, 81}));
  const auto whole = store.get<int[]>(key).value();
  const auto planes = store.get<int[]>("field", {.slab = {.start = {2, 0, 0}, .count = {2, 5, 6}}}).value();
  EXPECT_EQ(planes.data(), whole.data() + 60) << "in place";
  EXPECT_EQ(planes.extents(), Extents(2, 5, 6));

  EXPECT_EQ(code_of(store.get<int[]>(key, {.slab = {.start = {0, 0, 4}, .count = {1, 1, 3}}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<int[]>("field", {.slab = {.start = {0, 0}, .count = {1, 1}}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<int[]>("", {.slab = {.start = {0}, .count = {1}}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.get<int[]>("none", {.slab = {.start = {0}, .count = {1}}})), Errc::not_found);
  EXPECT_EQ(code_of(store.get<float[]>(key, {.slab = {.start = {0, 0, 0}, .count = {1, 1, 2}}})),
            Errc::type_mismatch);
  EXPECT_EQ(code_of(store.get<double[]>(key, {.slab = {.start = {0, 0, 0}, .count = {1, 1, 2}}})),
            Errc::type_mismatch);
  EXPECT_EQ(store.get_bytes(key).value().extents(), Extents(480)) << "an object read as bytes has one extent";
  const Key vector = store.put(std::vector<int>{0, 1, 2, 3, 4, 5}).value();
  const auto odd = store.get<int[]>(vector, {.slab = {.start = {1}, .count = {3}, .stride = {2}}}).value();
  EXPECT_EQ(std::vector<int>(odd.begin(), odd.end()), (std::vector<int>{1, 3, 5}));
  const Key empty = store.put(std::vector<int>{}).value();
  EXPECT_EQ(code_of(store.get<int[]>(empty, {.slab = {.start = {0}, .count = {1}}})), Errc::invalid_argument);
}

// Arguments in braces mean what their members say, even if other types could be made of them.
TEST(Store, TellsPartsHyperslabsAndDeadlinesApart) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put(std::vector<int>{0, 1, 2, 3, 4, 5}).value();
  EXPECT_EQ(store.get<int[]>(key, {}).value().size(), 6U);
  EXPECT_EQ(store.get<int[]>(key, {.deadline = {1s}}).value().size(), 6U);
  EXPECT_EQ(store.get<int[]>(key, {.part = {4, 2}}).value()[1], 5);
  EXPECT_EQ(store.get<int[]>(key, {.part = {.offset = 4, .count = 2}}).value()[1], 5);
  EXPECT_EQ(store.get<int[]>(key, {.slab = {.start = {4}, .count = {2}}}).value()[1], 5);
  EXPECT_EQ(store.get<int[]>(key, {.slab = {.start = {4}, .count = {2}}, .deadline = 1s}).value()[1], 5);
}

TEST(Store, ReadsAVectorInPlaceAsAnArray) {
  const SessionFixture one;
  Store store = one.store();
  const std::vector<double> temperature{1.5, 2.5, 3.5};
  const Key key = store.put(temperature).value();
  const auto view = store.get<double[]>(key).value();
  EXPECT_EQ(std::vector<double>(view.begin(), view.end()), temperature);
  EXPECT_EQ(view.extents().span().size(), 1U);
  EXPECT_EQ(view.extents()[0], 3U);
  // Two views of one object point at the same memory: nothing was copied.
  EXPECT_EQ(view.data(), store.get<double[]>(key).value()->data());
  EXPECT_EQ(one.reads(Path::shm_view), 2U);
  EXPECT_EQ(one.reads(Path::shm_copy), 0U);
  EXPECT_EQ(one.writes(Path::shm_copy), 1U);
}

// Every way to read an object checks it, and none makes a copy.
TEST(Store, ChecksObjectsOnFirstUseWhereItWasOpenedWithChecksum) {
  const SessionFixture one;
  Store store = one.session->open("summed", {.checksum = true}).value();
  auto writer = store.create<double>("array", {2}).value();
  double* const values = writer.data();
  values[0] = 1.5;
  values[1] = 2.5;
  const Key array = writer.seal().value();
  values[1] = 3.5;
  EXPECT_EQ(code_of(store.get<double[]>(array)), Errc::corrupt);
  EXPECT_EQ(code_of(store.get<double[]>("array")), Errc::corrupt);
  EXPECT_EQ(code_of(store.get<std::vector<double>>("array")), Errc::corrupt);
  EXPECT_EQ(code_of(store.get_bytes(array)), Errc::corrupt);
  EXPECT_EQ(code_of(store.wait<double[]>("array")), Errc::corrupt);
  EXPECT_EQ(code_of(store.proxy<double[]>(array)), Errc::corrupt);
  EXPECT_EQ(one.reads(Path::shm_view), 0U);
  values[1] = 2.5;
  const auto proxy = store.proxy<double[]>(array).value();
  EXPECT_EQ(proxy.get().value()[1], 2.5);
  EXPECT_EQ(store.get<double[]>("array").value()->data(), values) << "in place";
  EXPECT_EQ(one.reads(Path::shm_view), 2U);
  EXPECT_EQ(one.reads(Path::shm_copy), 0U);

  const Mesh mesh{{1, 2}, {{"a", 1}}};
  ObjectMeta meta = detail::meta_of(store.number(), {}, mesh);
  meta.checksum = true;
  const auto draft = one.connector->create(detail::stored_bytes(mesh).value(), meta, {}).value();
  ASSERT_TRUE(detail::store_value(mesh, draft.bytes));
  const Key encoded = one.connector->seal(draft, {}, {}).value().key;
  draft.bytes.back() ^= std::byte{1};
  EXPECT_EQ(code_of(store.get<Mesh>(encoded)), Errc::corrupt);
  EXPECT_EQ(one.metrics->decodes, 0U);
  draft.bytes.back() ^= std::byte{1};
  EXPECT_EQ(store.get<Mesh>(encoded).value()->points, mesh.points);

  Store plain = one.store();
  auto unchecked = plain.create<double>({1}).value();
  double* const value = unchecked.data();
  const Key key = unchecked.seal().value();
  *value = 7;
  EXPECT_EQ(plain.get<double[]>(key).value()[0], 7) << "only in stores that were opened with it";
}

TEST(Store, CopiesAnArrayIntoAVectorWhenAskedTo) {
  const SessionFixture one;
  Store store = one.store();
  const std::vector<double> temperature{1.5, 2.5, 3.5};
  const Key key = store.put(temperature).value();
  EXPECT_EQ(copy_of(store.get<std::vector<double>>(key)), temperature);
  EXPECT_EQ(one.reads(Path::shm_copy), 1U);
  EXPECT_EQ(one.read_bytes(Path::shm_copy), 24U);
  EXPECT_EQ((*store.get<std::array<double, 3>>(key).value())[2], 3.5);
  EXPECT_EQ(code_of(store.get<std::array<double, 4>>(key)), Errc::type_mismatch);
}

TEST(Store, StoresArraysOfArraysAsArraysOfMoreDimensions) {
  const SessionFixture one;
  Store store = one.store();
  const auto extents_of = [](const auto& view) {
    const Extents extents = view.extents();
    return std::vector<std::uint64_t>(extents.span().begin(), extents.span().end());
  };
  using Extent = std::vector<std::uint64_t>;
  using Point = std::array<double, 3>;

  double matrix[4][5];
  for (int at = 0; at < 20; ++at) {
    matrix[at / 5][at % 5] = at;
  }
  const Key rows = store.put(matrix).value();
  const auto all = store.get<double[]>(rows).value();
  EXPECT_EQ(extents_of(all), (Extent{4, 5}));
  EXPECT_EQ(all[7], 7.0);
  EXPECT_EQ(store.info(rows)->type, "f64[]");
  EXPECT_EQ(store.info(rows)->element_bytes, sizeof(double));

  const std::vector<Point> points{{1, 2, 3}, {4, 5, 6}};
  const Key key = store.put("points", points).value();
  EXPECT_EQ(extents_of(store.get<double[]>(key).value()), (Extent{2, 3}));
  EXPECT_EQ(store.get<std::vector<double>>(key).value()->at(5), 6.0);
  // Also as the type that was put.
  EXPECT_EQ(copy_of(store.get<std::vector<Point>>("points")), points);
  const auto in_place = store.get<Point[]>(key).value();
  EXPECT_EQ(extents_of(in_place), Extent{2});
  EXPECT_EQ(in_place[1], points[1]);
  EXPECT_EQ(store.proxy<Point[]>(key).value().get().value()[1], points[1]);
  EXPECT_EQ(store.put_proxy(points).value().get().value()[1], points[1]);
  // But not as arrays of other extents, and an array of numbers not as an array of arrays.
  EXPECT_EQ(code_of(store.get<std::array<double, 2>[]>(key)), Errc::type_mismatch);
  EXPECT_EQ(code_of(store.get<std::array<double, 6>[]>(key)), Errc::type_mismatch);
  const Key numbers = store.put(std::vector<double>(6)).value();
  EXPECT_EQ(code_of(store.get<Point[]>(numbers)), Errc::type_mismatch);
  EXPECT_EQ(code_of(store.get<std::vector<Point>>(numbers)), Errc::type_mismatch);
  EXPECT_NE(store.get<Point[]>(numbers).error().text().find("f64[3][]"), std::string::npos);
  // A part of it, counted in either element type.
  EXPECT_EQ(store.get<double[]>(key, {.part = Part{.offset = 2, .count = 2}}).value()[1], 4.0);
  EXPECT_EQ(store.get<Point[]>(key, {.part = Part{.offset = 1, .count = 1}}).value()[0], points[1]);
  const auto column = store.get<double[]>(key, {.slab = {.start = {0, 1}, .count = {2, 1}}}).value();
  EXPECT_EQ(extents_of(column), (Extent{2, 1}));
  EXPECT_EQ(column[1], 5.0);
  const auto second = store.get<Point[]>(key, {.slab = Hyperslab{.start = {1}, .count = {1}}}).value();
  EXPECT_EQ(extents_of(second), Extent{1});
  EXPECT_EQ(second[0], points[1]);
  EXPECT_EQ(code_of(store.get<Point[]>(key, {.slab = {.start = {0, 0}, .count = {1, 1}}})),
            Errc::invalid_argument);

  auto writer = store.create<Point>({2, 2}).value();
  EXPECT_EQ(writer.extents().rank, 2);
  writer.data()[3] = points[0];
  const Key made = writer.seal().value();
  EXPECT_EQ(extents_of(store.get<double[]>(made).value()), (Extent{2, 2, 3}));
  EXPECT_EQ(extents_of(store.get<Point[]>(made).value()), (Extent{2, 2}));
  EXPECT_EQ(code_of(store.create<Point>({1, 1, 1, 1, 1, 1, 1, 1})), Errc::invalid_argument);
  EXPECT_TRUE(store.create<Point>({1, 1, 1, 1, 1, 1, 1}));
  // Within a value the types stay different.
  EXPECT_NE((type_identity<std::map<int, std::vector<Point>>>.hash),
            (type_identity<std::map<int, std::vector<double>>>.hash));
}

TEST(Store, TakesStringsSpansAndFlatValues) {
  const SessionFixture one;
  Store store = one.store();
  EXPECT_EQ(copy_of(store.get<std::string>(store.put("literal").value())), "literal");
  EXPECT_EQ(copy_of(store.get<std::string>(store.put(std::string("s\0t", 3)).value())),
            std::string("s\0t", 3));
  const std::array<float, 2> pair{1, 2};
  EXPECT_EQ(store.get<float[]>(store.put(std::span(pair)).value()).value()[1], 2.0F);
  const Key particle = store.put(Particle{1, 2, 3, 42}).value();
  EXPECT_EQ(store.get<Particle>(particle).value()->id, 42);
  EXPECT_EQ(store.get<Particle>(particle).value().operator->(),
            store.get<Particle>(particle).value().operator->());
  EXPECT_EQ(*store.get<double>(store.put(0.5).value()).value(), 0.5);
  EXPECT_EQ(store.get<double[]>(store.put(std::vector<double>{}).value()).value().size(), 0U);
}

TEST(Store, DecodesWhatHasASerialize) {
  const SessionFixture one;
  Store store = one.store();
  store.put("mesh/v1", Mesh{{1, 2}, {{"a", 1}, {"b", 2}}}).value();
  const auto first = store.get<Mesh>("mesh/v1").value();
  EXPECT_EQ(first->points, (std::vector<double>{1, 2}));
  EXPECT_EQ(first->tags.at("b"), 2);
  const auto second = store.get<Mesh>("mesh/v1").value();
  EXPECT_EQ(first.get(), second.get());
  EXPECT_EQ(one.metrics->decodes, 1U);
  EXPECT_EQ(one.metrics->decoded_hits, 1U);
}

TEST(Store, KeepsTheFirstValueOfALiveName) {
  const SessionFixture one;
  Store store = one.store();
  store.put("name", 1).value();
  const auto second = store.put("name", 2);
  ASSERT_EQ(code_of(second), Errc::key_exists);
  EXPECT_EQ(second.error().key(), "name");
  EXPECT_EQ(second.error().rank(), 0);
  EXPECT_EQ(*store.get<int>("name").value(), 1);
}

TEST(Store, ReplacesWithAndWithoutAnExpectedGeneration) {
  const SessionFixture one;
  Store store = one.store();
  store.put("clock", 1).value();
  const auto old = store.get<int>("clock").value();
  const std::uint64_t first = store.info("clock").value().generation;
  EXPECT_NE(first, 0U);
  store.replace("clock", 2).value();
  EXPECT_EQ(*old, 1);
  EXPECT_EQ(*store.get<int>("clock").value(), 2);
  const std::uint64_t second = store.info("clock").value().generation;
  EXPECT_GT(second, first);
  EXPECT_EQ(code_of(store.replace("clock", 3, {.expected_generation = first})), Errc::stale);
  EXPECT_EQ(*store.get<int>("clock").value(), 2);
  store.replace("clock", 3, {.expected_generation = second}).value();
  EXPECT_EQ(*store.get<int>("clock").value(), 3);
  EXPECT_EQ(code_of(store.replace("other", 1, {.expected_generation = 1})), Errc::not_found);
  store.replace("other", 1).value();
}

TEST(Store, NamesBothTypesOfAMismatch) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put("T", std::vector<double>{1}).value();
  for (const auto& error : {store.get<float[]>(key).error(), store.get<std::vector<float>>("T").error(),
                            store.get<float>(key).error()}) {
    EXPECT_EQ(error.code(), Errc::type_mismatch);
    EXPECT_NE(error.text().find("f32"), std::string::npos) << error;
    EXPECT_NE(error.text().find("f64[]"), std::string::npos) << error;
  }
  EXPECT_EQ(code_of(store.get<double>(key)), Errc::type_mismatch);
  EXPECT_EQ(code_of(store.get<Mesh>(key)), Errc::type_mismatch);
}

TEST(Store, AnswersAtOnceForWhatIsNotThere) {
  const SessionFixture one;
  Store store = one.store();
  EXPECT_EQ(code_of(store.get<int>("nobody")), Errc::not_found);
  EXPECT_EQ(code_of(store.get<int>(Key{store.number(), 0, 999})), Errc::not_found);
  EXPECT_EQ(code_of(store.get<int>(Key{})), Errc::not_found);
  EXPECT_EQ(one.metrics->misses, 2U);
  EXPECT_FALSE(store.exists("nobody").value());
  EXPECT_FALSE(store.evict("nobody").value());
}

TEST(Store, RefusesKeysOfAnotherStore) {
  const SessionFixture one;
  Store fields = one.store("fields");
  Store others = one.store("others");
  const Key key = fields.put(1).value();
  EXPECT_EQ(code_of(others.get<int>(key)), Errc::not_found);
  EXPECT_FALSE(others.exists(key).value());
  EXPECT_FALSE(others.evict(key).value());
  EXPECT_TRUE(fields.exists(key).value());
  fields.put("same", 1).value();
  others.put("same", 2).value();
  EXPECT_EQ(*fields.get<int>("same").value(), 1);
}

TEST(Store, TakesAnyNameOfOneByteTo64KiB) {
  const SessionFixture one;
  Store store = one.store();
  const std::vector<std::string> names{"x", std::string(64 * 1024, 'n'), "größe/日本",
                                       std::string("nul\0byte", 8), std::string("\xff\xfe", 2)};
  for (std::size_t i = 0; i < names.size(); ++i) {
    store.put(names[i], i).value();
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(*store.get<std::size_t>(names[i]).value(), i);
    EXPECT_EQ(store.info(names[i]).value().name, names[i]);
  }
  const std::string too_long(64 * 1024 + 1, 'n');
  for (const std::string_view bad : {std::string_view(), std::string_view(too_long)}) {
    EXPECT_EQ(code_of(store.put(bad, 1)), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.replace(bad, 1)), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.get<int>(bad)), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.create<int>(bad, {1})), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.exists(bad)), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.evict(bad)), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.info(bad)), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.wait<int>(bad)), Errc::invalid_argument);
    EXPECT_EQ(code_of(store.put_bytes(bad, {})), Errc::invalid_argument);
  }
}

TEST(Store, EvictsByKeyAndByName) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put("a", std::vector<int>{7}).value();
  const auto view = store.get<int[]>(key).value();
  EXPECT_TRUE(store.evict(key).value());
  EXPECT_FALSE(store.exists("a").value());
  EXPECT_FALSE(store.exists(key).value());
  EXPECT_EQ(code_of(store.get<int[]>("a")), Errc::not_found);
  EXPECT_EQ(view[0], 7);
  store.put("a", 1).value();
  EXPECT_TRUE(store.evict("a").value());
  EXPECT_EQ(one.metrics->evictions, 2U);
}

TEST(Store, ListsNamesByPrefixInOrder) {
  const SessionFixture one;
  Store store = one.store();
  for (const char* name : {"T/2", "T/1", "T", "U/1", "T/10"}) {
    store.put(name, 1).value();
  }
  store.put(1).value();
  EXPECT_EQ(store.keys("T/").value(), (std::vector<std::string>{"T/1", "T/10", "T/2"}));
  EXPECT_EQ(store.keys().value().size(), 5U);
  EXPECT_TRUE(store.keys("V").value().empty());
}

TEST(Store, SaysWhatAnObjectIs) {
  const SessionFixture one({.creator = 3}, {.rank = 3});
  Store store = one.store();
  store.create<float>("T", {2, 3, 4}).value().seal().value();
  const ObjectInfo info = store.info("T").value();
  EXPECT_EQ(info.size_bytes, 96U);
  EXPECT_EQ(info.type, "f32[]");
  EXPECT_EQ(info.layout, Layout::array);
  EXPECT_EQ(info.element_bytes, 4U);
  EXPECT_EQ(info.extents, (Extents{2, 3, 4}));
  EXPECT_EQ(info.owner, 3U);
  EXPECT_EQ(info.name, "T");
  EXPECT_EQ(store.info(info.key).value().generation, info.generation);
  const ObjectInfo mesh = store.info(store.put(Mesh{}).value()).value();
  EXPECT_EQ(mesh.layout, Layout::encoded);
  EXPECT_TRUE(mesh.name.empty());
  EXPECT_EQ(mesh.generation, 0U);
}

TEST(Store, KeepsRawBytes) {
  const SessionFixture one;
  Store store = one.store();
  const std::array<std::byte, 3> bytes{std::byte{1}, std::byte{0}, std::byte{255}};
  const Key key = store.put_bytes(bytes).value();
  store.put_bytes("raw", bytes).value();
  EXPECT_TRUE(std::ranges::equal(store.get_bytes(key).value(), bytes));
  EXPECT_TRUE(std::ranges::equal(store.get<std::byte[]>("raw").value(), bytes));
  EXPECT_EQ(store.get_bytes(key).value().extents().values[0], 3U);
  EXPECT_EQ(store.info(key).value().layout, Layout::bytes);
  EXPECT_EQ(store.get_bytes(store.put(std::uint16_t{7}).value()).value().size(), 2U);
  EXPECT_EQ(store.get_bytes(store.put_bytes({}).value()).value().size(), 0U);
}

TEST(Store, WaitsForANameThatSomebodyPuts) {
  const SessionFixture one;
  Store store = one.store();
  std::thread putter([store]() mutable { store.put("later", 5).value(); });
  EXPECT_EQ(*store.wait<int>("later", 10s).value(), 5);
  putter.join();
  const auto late = store.wait<int>("never", 1ms);
  ASSERT_EQ(code_of(late), Errc::timeout);
  EXPECT_EQ(late.error().key(), "never");
}

TEST(Store, EndsAWaitWhenTheStoreOrTheSessionEnds) {
  const SessionFixture one;
  Store store = one.store("soon dropped");
  Store other = one.store("kept");
  Errc dropped{};
  Errc closed{};
  std::thread first([&] { dropped = code_of(store.wait<int>("never", 20s)); });
  std::thread second([&] { closed = code_of(other.wait<int>("never", 20s)); });
  (void)one.session->drop("soon dropped").value();
  first.join();
  one.session->close();
  second.join();
  EXPECT_EQ(dropped, Errc::closed);
  EXPECT_EQ(closed, Errc::closed);
}

struct alignas(32) Lanes {
  static constexpr std::string_view locum_type_name = "tests.lanes";

  double values[4];
};

TEST(Store, KeepsTheAlignmentOfATypeThatAsksForMoreThanItsSize) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put(Lanes{{1, 2, 3, 4}}).value();
  const auto lanes = store.get<Lanes>(key).value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lanes.get()) % alignof(Lanes), 0U);
  EXPECT_EQ(lanes->values[3], 4);
}

TEST(Store, UsesItsOwnTimeoutWhereNoneIsGiven) {
  const SessionFixture one;
  Store store = one.session->open("impatient", {.timeout = 1ms}).value();
  const auto start = Deadline::Clock::now();
  EXPECT_EQ(code_of(store.wait<int>("never")), Errc::timeout);
  EXPECT_LT(Deadline::Clock::now() - start, 20s);  // the connector's own timeout is 30 s
}

TEST(Store, GivesABatchOneTimeForAllOfIt) {
  const auto connector = std::make_shared<tests::SlowConnector>(open_local());
  const auto session = std::make_shared<Session>(connector, std::make_shared<Metrics>());
  auto store = session->open("fields").value();
  std::set<Deadline::Clock::time_point> moments;
  connector->on_deadline = [&](Deadline deadline) {
    EXPECT_FALSE(deadline.is_default());
    moments.insert(deadline.moment(0ms));
  };
  const auto expect_one = [&] {
    EXPECT_EQ(moments.size(), 1U);
    moments.clear();
  };
  const std::vector<std::pair<std::string, double>> named{{"a", 1}, {"b", 2}, {"c", 3}};
  const std::vector<std::string> names{"a", "b", "c"};
  EXPECT_TRUE(store.put_batch(named)[2]);
  expect_one();
  EXPECT_TRUE(store.put_batch(std::vector{1.0, 2.0, 3.0})[2]);
  expect_one();
  EXPECT_TRUE(store.get_batch<double>(names)[2]);
  expect_one();
  EXPECT_TRUE(store.proxy_batch<double>(names)[2]);
  expect_one();
  EXPECT_TRUE(store.exists_batch(names)[2].value());
  expect_one();
  EXPECT_TRUE(store.evict_batch(names)[2]);
  expect_one();
  session->close();
}

/// A range over 0, 1, 2 and 3 that converts each element, and throws at the n-th.
auto throwing_range(int& made, int nth, auto make) {
  return std::views::iota(0, 4) | std::views::transform([&made, nth, make](int number) {
           if (++made == nth) {
             throw std::runtime_error("this range has no more");
           }
           return make(number);
         });
}

/// Its serialize() throws something else than a std::exception.
struct Refusing {
  static constexpr std::string_view locum_type_name = "tests.refusing";

  int number = 0;

  template <class Archive>
  void serialize(Archive& ar) {
    if (number == 2) {
      throw 7;
    }
    ar(number);
  }
};

TEST(Store, PutsNothingOfABatchWhoseRangeThrows) {
  const SessionFixture one;
  Store store = one.store();
  const std::uint64_t objects = one.connector->usage().own_objects;
  const auto named = [](int number) { return std::pair("name " + std::to_string(number), number); };
  for (int nth = 1; nth <= 4; ++nth) {
    int made = 0;
    EXPECT_THROW((void)store.put_batch(throwing_range(made, nth, named)), std::runtime_error);
    made = 0;
    EXPECT_THROW((void)store.put_batch(throwing_range(made, nth, [](int number) { return number; })),
                 std::runtime_error);
  }
  EXPECT_THROW((void)store.put_batch(std::vector<Refusing>{{0}, {1}, {2}}), int);
  EXPECT_THROW((void)store.put_batch(std::map<std::string, Refusing>{{"a", {0}}, {"b", {2}}}), int);
  EXPECT_EQ(one.connector->usage().own_objects, objects);
  EXPECT_TRUE(store.keys().value().empty());
}

// A range that has given all elements is not used again: a later exception would replace the keys.
TEST(Store, KeepsTheKeysOfABatchWhoseRangeThrowsLater) {
  const SessionFixture one;
  Store store = one.store();
  int made = 0;
  const auto named = [](int number) { return std::pair("name " + std::to_string(number), number); };
  const auto keys = store.put_batch(throwing_range(made, 5, named));
  ASSERT_EQ(keys.size(), 4U);
  for (int number = 0; number < 4; ++number) {
    EXPECT_EQ(*store.get<int>(keys[static_cast<std::size_t>(number)].value()).value(), number);
  }
}

TEST(Store, SaysWhenMemoryIsFullAndGoesOnAfterAnEvict) {
  const SessionFixture one({.memory_bytes = 4096});
  Store store = one.store();
  const Key key = store.put(std::vector<char>(3000)).value();
  const auto full = store.put(std::vector<char>(3000));
  ASSERT_EQ(code_of(full), Errc::out_of_memory);
  EXPECT_NE(full.error().text().find("3000"), std::string::npos) << full.error();
  EXPECT_TRUE(store.evict(key).value());
  store.put(std::vector<char>(3000)).value();
}

TEST(Store, AnswersClosedAfterTheSessionsEnd) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put("n", 4).value();
  const auto view = store.get<int>(key).value();
  auto writer = store.create<int>("w", {2}).value();
  one.session->close();
  one.session->close();
  EXPECT_EQ(code_of(store.get<int>(key)), Errc::closed);
  EXPECT_EQ(code_of(store.get<int>("n")), Errc::closed);
  EXPECT_EQ(code_of(store.put(1)), Errc::closed);
  EXPECT_EQ(code_of(store.replace("n", 1)), Errc::closed);
  EXPECT_EQ(code_of(store.create<int>({1})), Errc::closed);
  EXPECT_EQ(code_of(store.put_bytes({})), Errc::closed);
  EXPECT_EQ(code_of(store.exists(key)), Errc::closed);
  EXPECT_EQ(code_of(store.evict("n")), Errc::closed);
  EXPECT_EQ(code_of(store.keys()), Errc::closed);
  EXPECT_EQ(code_of(store.info(key)), Errc::closed);
  EXPECT_EQ(code_of(store.wait<int>("n")), Errc::closed);
  EXPECT_EQ(code_of(writer.seal()), Errc::closed);
  EXPECT_EQ(code_of(one.session->open("fields")), Errc::closed);
  EXPECT_EQ(*view, 4);
}

}  // namespace
}  // namespace locum::store_test
