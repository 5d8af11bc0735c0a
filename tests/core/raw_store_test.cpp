// Values whose types are known at run time: stored, replaced, changed, promised, and seen through stand-ins.
#include "core/raw_store.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/codec.hpp"
#include "core/containers.hpp"
#include "core/promise.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/doubles_of.hpp"
#include "tests/core/sample_codecs.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::code_of;
using tests::doubles_of;
using tests::SessionFixture;

using Numbers = std::map<std::string, int>;

template <class T>
std::span<const std::byte> bytes_of(const T& range) {
  return std::as_bytes(std::span(range));
}

class RawStoreTest : public testing::Test {
 protected:
  const SessionFixture one_;
  const Store store_ = one_.store();
  const RawStore raw_ = store_.raw();
  const ElementType f64_ = ElementType::of<double>();
};

TEST_F(RawStoreTest, TakesOneElementForAValueWithoutExtents) {
  const double value = 2.5;
  ASSERT_TRUE(raw_.put("v", {&value, f64_, Extents()}));
  EXPECT_EQ(*store_.get<double>("v").value(), 2.5);
  (void)store_.put("w", 3.5).value();
  const auto view = raw_.get("w").value();
  const ObjectInfo info = view.info().value();
  EXPECT_EQ(info.type, "f64");
  EXPECT_EQ(info.element, f64_);
  EXPECT_EQ(info.extents.size(), 0U);
  EXPECT_EQ(doubles_of(view), std::vector<double>{3.5});
  double read = 0;
  EXPECT_EQ(raw_.read("w", {&read, f64_, Extents()}).value(), 1U);
  EXPECT_EQ(read, 3.5);
  EXPECT_EQ(raw_.read_async("v", {&read, f64_, Extents()}).get().value(), 1U);
  EXPECT_EQ(read, 2.5);
  auto writer = raw_.create("made", f64_, Extents()).value();
  ASSERT_EQ(writer.size(), sizeof(double));
  std::memcpy(writer.data(), &value, sizeof value);
  ASSERT_TRUE(writer.seal());
  EXPECT_EQ(*store_.get<double>("made").value(), 2.5);
}

TEST_F(RawStoreTest, TellsAValueFromAnArrayOfOneElement) {
  const std::array<double, 1> one{7};
  ASSERT_TRUE(raw_.put("array", {one.data(), f64_, {1}}));
  (void)store_.put("value", 7.0).value();
  double read = 0;
  EXPECT_EQ(code_of(raw_.read("array", {&read, f64_, Extents()})), Errc::type_mismatch);
  EXPECT_EQ(code_of(raw_.read("value", {&read, f64_, {1}})), Errc::type_mismatch);
  EXPECT_EQ(code_of(raw_.read("value", {&read, f64_, Extents()}, {.slab = {.start = {0}, .count = {1}}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(raw_.read("value", {&read, ElementType::of<float>(), Extents()})), Errc::type_mismatch);
  EXPECT_EQ(code_of(store_.create<double>("typed", Extents())), Errc::invalid_argument)
      << "forgotten extents are no value";
  EXPECT_EQ(code_of(raw_.put("typed", locum::array(&read, {1}, {1, 1}))), Errc::invalid_argument);
}

TEST_F(RawStoreTest, ReplacesAndChanges) {
  std::vector<double> values{1, 2, 3};
  ASSERT_TRUE(raw_.put("v", {values.data(), f64_, {3}}));
  const std::uint64_t first = store_.info("v").value().generation;
  values = {4, 5};
  ASSERT_TRUE(raw_.replace("v", {values.data(), f64_, {2}}, {.expected_generation = first}));
  EXPECT_EQ(code_of(raw_.replace("v", {values.data(), f64_, {2}}, {.expected_generation = first})),
            Errc::stale);
  int calls = 0;
  const RawStore::Change longer = [&](const RawView& object) -> Result<RawValue> {
    if (++calls == 1) {
      (void)store_.replace("v", std::vector<double>{10, 20}).value();
    }
    values = doubles_of(object);
    values.push_back(99);
    return RawValue(values.data(), f64_, {values.size()});
  };
  const Key changed = raw_.update("v", longer).value();
  EXPECT_EQ(calls, 2) << "another one was faster";
  EXPECT_EQ(doubles_of(raw_.get(changed).value()), (std::vector<double>{10, 20, 99}));
  ASSERT_TRUE(raw_.update_async("v", longer).get());
  EXPECT_EQ(doubles_of(raw_.get("v").value()), (std::vector<double>{10, 20, 99, 99}));
  EXPECT_EQ(code_of(raw_.update("none", longer)), Errc::not_found);
  EXPECT_EQ(code_of(raw_.update_async("none", longer).get()), Errc::not_found);
  const auto refused =
      raw_.update("v", [](const RawView& /*object*/) { return Error(Errc::unsupported, "not today"); });
  EXPECT_EQ(refused.error().code(), Errc::unsupported);
  EXPECT_EQ(store_.get<double[]>("v").value()->size(), 4U);
}

TEST_F(RawStoreTest, StoresWithoutWaiting) {
  const std::vector<double> values{1, 2};
  ASSERT_TRUE(raw_.put_async("v", {values.data(), f64_, {2}}).get());
  EXPECT_EQ(code_of(raw_.put_async("v", {values.data(), f64_, {2}}).get()), Errc::key_exists);
  const auto key = raw_.put_async({values.data(), f64_, {2}}).get().value();
  EXPECT_EQ(doubles_of(raw_.get(key).value()), values);
  ASSERT_TRUE(raw_.replace_async("v", {values.data(), f64_, {1}}).get());
  EXPECT_EQ(doubles_of(raw_.wait_async("v", {.deadline = 10s}).get().value()), std::vector<double>{1});
  EXPECT_EQ(code_of(raw_.put_async("w", {values.data(), f64_, {2}}, {.when_full = WhenFull::wait}).get()),
            Errc::invalid_argument);
}

TEST_F(RawStoreTest, TakesWhatIsEncodedAlready) {
  const Numbers numbers{{"one", 1}, {"two", 2}};
  const Key typed = store_.put(numbers).value();
  const auto bytes = store_.get_bytes(typed).value();
  ASSERT_TRUE(
      raw_.put("map", EncodedValue{.type = "map<char[],i32>", .bytes = {bytes.data(), bytes.size()}}));
  EXPECT_EQ(store_.get<Numbers>("map").value()->at("two"), 2);
  ASSERT_TRUE(store_.put_encoded<Numbers>("again", {bytes.data(), bytes.size()}));
  EXPECT_EQ(store_.get<Numbers>("again").value()->at("two"), 2);

  const EncodedValue pickled{.type = "object", .codec = "pickle", .bytes = {bytes.data(), bytes.size()}};
  ASSERT_TRUE(raw_.put("pickled", pickled));
  const ObjectInfo info = store_.info("pickled").value();
  EXPECT_EQ(info.type, "object");
  EXPECT_EQ(info.codec, "pickle");
  EXPECT_FALSE(info.element);
  EXPECT_EQ(code_of(store_.get<Numbers>("pickled")), Errc::type_mismatch);

  for (const EncodedValue& wrong :
       {EncodedValue{.type = "", .bytes = {}}, EncodedValue{.type = "f64[]", .bytes = {}},
        EncodedValue{.type = "f64", .bytes = {}}, EncodedValue{.type = "a@b", .bytes = {}},
        EncodedValue{.type = "locum.promise{40}", .bytes = {}},
        EncodedValue{.type = "mesh", .codec = "a b", .bytes = {}}}) {
    EXPECT_EQ(code_of(raw_.put("wrong", wrong)), Errc::invalid_argument) << wrong.type;
  }
}

TEST_F(RawStoreTest, EncodedElementsAreThoseOfTheirType) {
  const std::vector<double> values{1, 2, 3};
  ASSERT_TRUE(store_.put_encoded<std::vector<double>>("v", bytes_of(values)));
  EXPECT_EQ(store_.get<double[]>("v").value()->size(), 3U);
  EXPECT_EQ(store_.info("v").value().extents, Extents(3));
  ASSERT_TRUE(store_.put_encoded<double>("d", bytes_of(values).first(8)));
  EXPECT_EQ(*store_.get<double>("d").value(), 1.0);
  EXPECT_EQ(code_of(store_.put_encoded<double>("e", bytes_of(values))), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.put_encoded<std::vector<double>>("e", bytes_of(values).first(9))),
            Errc::invalid_argument);
  using Points = std::vector<std::array<double, 3>>;
  ASSERT_TRUE(store_.put_encoded<Points>("points", bytes_of(std::vector<double>{1, 2, 3, 4, 5, 6})));
  const auto points = store_.get<Points>("points").value();
  EXPECT_EQ(*points, (Points{{1, 2, 3}, {4, 5, 6}}));
  EXPECT_EQ(store_.info("points").value().extents, Extents(2, 3));
  EXPECT_EQ(code_of(store_.put_encoded<Points>("e", bytes_of(std::vector<double>{1, 2}))),
            Errc::invalid_argument);
  const tests::Narrow floats;
  const auto key = store_.put(values, {.codec = floats}).value();
  const auto bytes = store_.get_bytes(key).value();
  const auto again =
      store_.put_encoded<std::vector<double>>({bytes.data(), bytes.size()}, {.codec = floats}).value();
  const auto read = store_.get<std::vector<double>>(again, {.codec = floats}).value();
  EXPECT_EQ(*read, values);
}

TEST_F(RawStoreTest, KeepsPromises) {
  const std::vector<double> values{1, 2};
  auto promise = raw_.promise().value();
  const RawProxy proxy = promise.proxy();
  const Handle handle = proxy.handle();
  EXPECT_FALSE(proxy.ready());
  EXPECT_EQ(code_of(proxy.try_get()), Errc::timeout);
  const Key key = promise.set({values.data(), f64_, {2}}).value();
  EXPECT_EQ(doubles_of(proxy.get().value()), values);
  EXPECT_EQ(one_.session->proxy<double[]>(handle)->size(), 2U) << "of a rank that knows the type";
  EXPECT_EQ(code_of(promise.set({values.data(), f64_, {2}})), Errc::key_exists);
  EXPECT_EQ(doubles_of(raw_.get(key).value()), values);

  auto named = raw_.promise("soon").value();
  ASSERT_TRUE(named.set_bytes(bytes_of(values)));
  EXPECT_EQ(store_.get_bytes("soon").value()->size(), 16U);
  RawProxy broken;
  {
    const RawPromise unset = raw_.promise().value();
    broken = unset.proxy();
  }
  EXPECT_EQ(code_of(broken.get()), Errc::broken_promise);
  EXPECT_EQ(code_of(raw_.promise("")), Errc::invalid_argument);
  RawPromise empty;
  EXPECT_FALSE(empty);
  EXPECT_EQ(code_of(empty.set_bytes({})), Errc::invalid_argument);
  EXPECT_FALSE(empty.proxy());
}

TEST_F(RawStoreTest, SeesStandInsOfTypedValues) {
  const Proxy<double[]> typed = store_.put_proxy("v", std::vector<double>{1, 2, 3}).value();
  const RawProxy raw = one_.session->raw_proxy(typed.handle());
  EXPECT_EQ(raw.get().value().info().value().type, "f64[]");
  EXPECT_TRUE(raw.ready());
  EXPECT_EQ(doubles_of(raw.get_async().get().value()).size(), 3U);
  const RawProxy by_name = raw_.proxy("v").value();
  EXPECT_EQ(by_name.key(), typed.key());
  by_name.prefetch();
  EXPECT_EQ(doubles_of(by_name.get().value()).size(), 3U);
  by_name.release();
  ASSERT_TRUE(store_.evict("v"));
  EXPECT_EQ(doubles_of(raw.get().value()).size(), 3U) << "pinned";
  EXPECT_EQ(code_of(by_name.get()), Errc::not_found);
  EXPECT_EQ(code_of(raw_.proxy("none")), Errc::not_found);
  EXPECT_EQ(code_of(RawProxy().get()), Errc::invalid_argument);
}

TEST_F(RawStoreTest, TakesBatches) {
  const std::vector<double> values{1, 2, 3, 4};
  const std::vector<RawStore::NamedValue> named{
      {"a", {values.data(), f64_, {2}}},
      {"b", {&values[2], f64_, Extents()}},
      {"a", {values.data(), f64_, {1}}},
      {"c", EncodedValue{.type = "object", .codec = "pickle", .bytes = bytes_of(values)}}};
  const auto keys = raw_.put_batch(named);
  ASSERT_EQ(keys.size(), 4U);
  EXPECT_TRUE(keys[0] && keys[1] && keys[3]);
  EXPECT_EQ(code_of(keys[2]), Errc::key_exists);
  const auto views = raw_.get_batch(std::vector<std::string>{"b", "a", "none"});
  ASSERT_EQ(views.size(), 3U);
  EXPECT_EQ(doubles_of(views[0].value()), std::vector<double>{3});
  EXPECT_EQ(doubles_of(views[1].value()), (std::vector<double>{1, 2}));
  EXPECT_EQ(code_of(views[2]), Errc::not_found);
  const std::vector<RawValue> unnamed{{values.data(), f64_, {4}}, {values.data(), ElementType(), {4}}};
  const auto more = raw_.put_batch(unnamed);
  EXPECT_EQ(doubles_of(raw_.get(more[0].value()).value()), values);
  EXPECT_EQ(code_of(more[1]), Errc::invalid_argument);
}

TEST_F(RawStoreTest, StepsHaveValuesWithoutExtents) {
  StepWriter out({.session = *one_.session, .number = 1}, "stream");
  StepReader in({.session = *one_.session, .number = 2}, "stream");
  const double value = 4.5;
  {
    auto step = out.begin().value();
    ASSERT_TRUE(step.put_encoded("t", ConstRawArray(&value, f64_, Extents())));
    ASSERT_TRUE(step.put("u", 5.5));
    ASSERT_TRUE(step.end());
  }
  {
    const auto step = in.next(10s).value();
    EXPECT_EQ(*step.get<double>("t").value(), 4.5);
    double read = 0;
    EXPECT_EQ(step.read("u", RawArray(&read, f64_, Extents())).value(), 1U);
    EXPECT_EQ(read, 5.5);
    for (const Variable& variable : step.variables()) {
      EXPECT_EQ(variable.type, "f64");
      EXPECT_EQ(variable.element, f64_);
    }
  }
}

}  // namespace
}  // namespace locum
