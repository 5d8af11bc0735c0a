// Objects encoded by a codec, read on another node: they are transferred in encoded form.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "core/coded_store.hpp"
#include "core/promise.hpp"
#include "tests/core/copy_of.hpp"
#include "tests/core/future_nodes.hpp"
#include "tests/core/sample_codecs.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using Doubles = std::vector<double>;
using tests::code_of;

class CodecBetweenNodes : public tests::FutureNodes {
 protected:
  CodecBetweenNodes() { Narrow::start_counting(); }

  void pass(std::chrono::nanoseconds time) { world_.network().run_for(time); }
  [[nodiscard]] std::string at_home_on_the_other(const std::string& stem) {
    return world_.name_at(1, maker_.number(), stem);
  }

  const Doubles values_ = Doubles(count, 0.25);
  const Doubles few_{1.5, 2.5};
};

TEST_F(CodecBetweenNodes, ComeByEachWay) {
  const Key large = maker_.put(values_, {.codec = Narrow{}}).value();
  const Key small = maker_.put(few_, {.codec = Narrow{}}).value();
  const std::string name = at_home_on_the_other("T");
  const auto put = maker_.put_async(name, few_, {.codec = Narrow{}});
  EXPECT_FALSE(put.ready());
  ASSERT_TRUE(put.get());
  EXPECT_EQ(Narrow::decodings, 0);

  const auto before = world_.network().counters().sent.bytes;
  EXPECT_EQ(copy_of(reader_.get<Doubles>(large, {.codec = Narrow{}})), values_);
  const auto bytes = world_.network().counters().sent.bytes - before;
  EXPECT_GE(bytes, count * sizeof(float));
  EXPECT_LT(bytes, count * sizeof(double)) << "the floats alone";
  EXPECT_EQ(copy_of(reader_.get<Doubles>(small, {.codec = Narrow{}})), few_);
  EXPECT_EQ(copy_of(reader_.get<Doubles>(name, {.codec = Narrow{}})), few_);
  EXPECT_EQ(copy_of(reader_.wait<Doubles>(name, {.codec = Narrow{}})), few_);
  EXPECT_EQ(reader_.info(large).value().codec, "f32");
  EXPECT_EQ(reader_.info(large).value().type, "f64[]");
  for (const auto& found :
       reader_.get_batch<Doubles>(std::vector<Key>{small, large, small}, {.codec = Narrow{}})) {
    EXPECT_TRUE(found);
  }
  EXPECT_EQ(Narrow::decodings, 3) << "each object is decoded once";
  const auto wrong = reader_.get<Doubles>(large);
  EXPECT_EQ(code_of(wrong), Errc::type_mismatch);
  EXPECT_NE(wrong.error().text().find("by the codec f32"), std::string::npos);
  reader_.evict(name);
  expect_nothing_left({large, small});
}

TEST_F(CodecBetweenNodes, ComeByThemselves) {
  const Key key = maker_.put(values_, {.codec = Narrow{}}).value();
  {
    const auto future = reader_.get_async<Doubles>(key, {.codec = Narrow{}});
    const auto without = reader_.get_async<Doubles>(key);
    EXPECT_FALSE(future.ready());
    pass(20ms);
    ASSERT_TRUE(future.ready());
    EXPECT_EQ(Narrow::decodings, 0) << "not on the driver";
    EXPECT_EQ(copy_of(future.get()), values_);
    EXPECT_EQ(code_of(without.get()), Errc::type_mismatch);
    EXPECT_EQ(Narrow::decodings, 1);
  }
  expect_nothing_left({key});
}

TEST_F(CodecBetweenNodes, HaveStandIns) {
  const Proxy<Doubles> made = maker_.put_proxy(values_, {.codec = Narrow{}}).value();
  const Handle handle = made.handle();
  {
    const auto stand_in = read_->proxy<Doubles>(handle, {.codec = Narrow{}});
    stand_in.prefetch();
    pass(20ms);
    EXPECT_TRUE(stand_in.ready());
    EXPECT_EQ(*stand_in, values_);
    const auto asked = reader_.proxy<Doubles>(made.key(), {.codec = Narrow{}}).value();
    EXPECT_EQ(asked.get_async().get().value()->size(), count);
    EXPECT_EQ(Narrow::decodings, 1);
    EXPECT_EQ(code_of(read_->proxy<Doubles>(handle).get()), Errc::type_mismatch);
  }
  made.release();
  expect_nothing_left({made.key()});
}

TEST_F(CodecBetweenNodes, HavePromises) {
  const std::string name = at_home_on_the_other("promised");
  for (const bool named : {false, true}) {
    auto promise = (named ? maker_.promise<Doubles>(name, {.codec = Narrow{}})
                          : maker_.promise<Doubles>({.codec = Narrow{}}))
                       .value();
    const Handle handle = promise.proxy().handle();
    const auto stand_in = read_->proxy<Doubles>(handle, {.codec = Narrow{}});
    stand_in.prefetch();
    pass(20ms);
    EXPECT_FALSE(stand_in.ready());
    const Key key = promise.set(values_).value();
    pass(20ms);
    EXPECT_TRUE(stand_in.ready());
    EXPECT_EQ(*stand_in, values_);
    EXPECT_EQ(code_of(read_->proxy<Doubles>(handle).get()), Errc::type_mismatch);
    EXPECT_EQ(copy_of(reader_.get<Doubles>(key, {.codec = Narrow{}})), values_);
  }
  EXPECT_EQ(copy_of(reader_.get<Doubles>(name, {.codec = Narrow{}})), values_);
}

}  // namespace
}  // namespace locum::tests
