// Values that are encoded and decoded by a user's codec.
#include "core/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <new>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/coded_store.hpp"
#include "core/promise.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/copy_of.hpp"
#include "tests/core/sample_codecs.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using Doubles = std::vector<double>;
using Numbers = std::vector<std::uint64_t>;

/// Uses locum's archives; without `takes` it counts nothing, so that all threads may use it.
struct ByArchives {
  static constexpr std::string_view name = "archives";

  template <class T>
  std::uint64_t size(const T& value) const {
    SizeArchive out;
    out(value);
    return out.position();
  }
  template <class T>
  std::size_t encode(const T& value, std::span<std::byte> memory) const {
    WriteArchive out(memory);
    out(value);
    return out.position();
  }
  template <class T>
  static void decode(std::span<const std::byte> bytes, T& value) {
    ReadArchive in(bytes, {});
    in(value);
  }
};

class CodecTest : public ::testing::Test {
 protected:
  CodecTest() { Narrow::start_counting(); }

  [[nodiscard]] std::uint64_t used() const { return one_.connector->usage().own_used; }
  /// An object with this content that claims to be encoded by a codec.
  [[nodiscard]] Key forge(const TypeIdentity& identity, std::span<const std::byte> bytes) {
    ObjectMeta meta{store_.number(), 1, 16, identity.hash, identity.name, {}, Layout::encoded, {}};
    const auto draft = one_.connector->create(bytes.size(), meta, {}).value();
    std::ranges::copy(bytes, draft.bytes.begin());
    return one_.connector->seal(draft, {}, {}).value().key;
  }

  SessionFixture one_;
  Store store_ = one_.store();
  Doubles halves_{0.5, 1.5, -2.25, 1024.0};
  Numbers indices_{0, 1, 2, 500, 501, 1'000'000, std::numeric_limits<std::uint64_t>::max()};
};

TEST_F(CodecTest, GoesRound) {
  const Key key = store_.put(halves_, {.codec = Narrow{}}).value();
  EXPECT_EQ(copy_of(store_.get<Doubles>(key, {.codec = Narrow{}})), halves_);
  const Differences steps;
  ASSERT_TRUE(store_.put("indices", indices_, {.codec = steps, .deadline = 10s}));
  EXPECT_EQ(copy_of(store_.get<Numbers>("indices", {.codec = steps, .deadline = 10s})), indices_);
  EXPECT_EQ(code_of(store_.put("indices", indices_, {.codec = steps})), Errc::key_exists);
  ASSERT_TRUE(store_.put("foreign", Foreign("text"), {.codec = ForForeign{}}));
  EXPECT_EQ(store_.get<Foreign>("foreign", {.codec = ForForeign{}}).value()->text(), "text");
}

TEST_F(CodecTest, PutsAndReadsNothingAndVeryMuch) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
    const Key narrow = store_.put(Doubles(count, 1.5), {.codec = Narrow{}}).value();
    EXPECT_EQ(copy_of(store_.get<Doubles>(narrow, {.codec = Narrow{}})), Doubles(count, 1.5));
    const Key steps = store_.put(Numbers(count, 7), {.codec = Differences{}}).value();
    EXPECT_EQ(copy_of(store_.get<Numbers>(steps, {.codec = Differences{}})), Numbers(count, 7));
  }
}

TEST_F(CodecTest, NamesTheCodecWithTheObject) {
  const auto narrow = store_.info(store_.put("T", halves_, {.codec = Narrow{}}).value()).value();
  EXPECT_EQ(narrow.codec, "f32");
  EXPECT_EQ(narrow.type, "f64[]");
  EXPECT_EQ(narrow.size_bytes, halves_.size() * sizeof(float));
  EXPECT_EQ(narrow.layout, Layout::encoded);
  EXPECT_EQ(narrow.extents, Extents());
  EXPECT_EQ(narrow.name, "T");
  EXPECT_EQ(store_.info(store_.put(halves_).value()).value().codec, "");
  const auto foreign = store_.info(store_.put(Foreign("x"), {.codec = ForForeign{}}).value()).value();
  EXPECT_EQ(foreign.codec, "foreign-1.0");
  EXPECT_EQ(foreign.type, TypeName<Foreign>::value);
}

TEST_F(CodecTest, WritesStraightIntoTheObjectAndReadsItInPlace) {
  const Key key = store_.put(halves_, {.codec = Narrow{}}).value();
  const auto bytes = store_.get_bytes(key).value();
  EXPECT_EQ(bytes.data(), Narrow::wrote_to);
  ASSERT_TRUE(store_.get<Doubles>(key, {.codec = Narrow{}}));
  EXPECT_EQ(bytes.data(), Narrow::read_from);
  EXPECT_EQ(Narrow::sizes, 1);
  EXPECT_EQ(Narrow::encodings, 1);
  EXPECT_EQ(one_.metrics->writes[static_cast<std::size_t>(Path::shm_copy)].bytes, bytes.size());
  EXPECT_EQ(one_.read_bytes(Path::shm_copy), bytes.size());
}

TEST_F(CodecTest, TakesNoMoreMemoryThanWhatWasWritten) {
  const Numbers steps(1000, 3);
  const std::uint64_t before = used();
  const Key key = store_.put(steps, {.codec = Differences{}}).value();
  const auto bytes = store_.get_bytes(key).value();
  EXPECT_EQ(bytes.size(), 1000U) << "at most 10000 bytes were requested";
  EXPECT_LT(used() - before, 2000U);
  EXPECT_NE(bytes.data(), Differences::wrote_to) << "encoded elsewhere, and copied";
}

struct Other : Narrow {
  static constexpr std::string_view name = "other";
};

TEST_F(CodecTest, NamesBothCodecsWhereTheyDiffer) {
  const Key coded = store_.put(halves_, {.codec = Narrow{}}).value();
  const Key plain = store_.put(halves_).value();
  const auto text_of = [](const auto& result) {
    EXPECT_EQ(code_of(result), Errc::type_mismatch);
    return result ? std::string() : result.error().text();
  };
  EXPECT_EQ(text_of(store_.get<Doubles>(coded)),
            "asked for f64[], the object is of type f64[] by the codec f32; read it by the codec that "
            "wrote it (the option codec)");
  EXPECT_EQ(text_of(store_.get<double[]>(coded)), text_of(store_.get<Doubles>(coded)));
  EXPECT_EQ(
      text_of(store_.get<Doubles>(coded, {.codec = Other{}})),
      "asked for f64[] by the codec other, the object is of type f64[] by the codec f32; read it by the "
      "codec that wrote it (the option codec)");
  EXPECT_EQ(text_of(store_.get<Doubles>(plain, {.codec = Narrow{}})),
            "asked for f64[] by the codec f32, the object is of type f64[]; read it without a codec");
  EXPECT_EQ(
      text_of(store_.get<Numbers>(coded, {.codec = Differences{}})),
      "asked for u64[] by the codec steps, the object is of type f64[] by the codec f32; ask for the type "
      "that was put");
  EXPECT_EQ(text_of(store_.get<float>(coded)),
            "asked for f32, the object is of type f64[] by the codec f32; ask for the type that was put");
  EXPECT_EQ(Narrow::decodings, 0);
}

TEST_F(CodecTest, DecodesOncePerProcess) {
  const Key key = store_.put(halves_, {.codec = Narrow{}}).value();
  const auto first = store_.get<Doubles>(key, {.codec = Narrow{}}).value();
  const auto second = store_.get<Doubles>(key, {.codec = Narrow{}}).value();
  EXPECT_EQ(first.get(), second.get());
  EXPECT_EQ(Narrow::decodings, 1);
  EXPECT_EQ(one_.metrics->decodes, 1U);
  EXPECT_EQ(one_.metrics->decoded_hits, 1U);
  Store forgetful = one_.session->open("forgetful", {.keep_decoded = false}).value();
  const Key other = forgetful.put(halves_, {.codec = Narrow{}}).value();
  EXPECT_NE(forgetful.get<Doubles>(other, {.codec = Narrow{}})->get(),
            forgetful.get<Doubles>(other, {.codec = Narrow{}})->get());
  EXPECT_EQ(Narrow::decodings, 3);
}

// Two codecs of the same name: an error of the user; but values that one of them decoded are not returned for
// the other one.
struct Twin : Narrow {
  static void decode(std::span<const std::byte> bytes, Doubles& values) {
    Narrow::decode(bytes, values);
    std::ranges::for_each(values, [](double& value) { value = -value; });
  }
};

TEST_F(CodecTest, NeverServesWhatAnotherCodecDecoded) {
  const Key key = store_.put(Doubles{1.0}, {.codec = Narrow{}}).value();
  const auto narrow = store_.get<Doubles>(key, {.codec = Narrow{}}).value();
  const auto twin = store_.get<Doubles>(key, {.codec = Twin{}}).value();
  EXPECT_EQ(narrow->front(), 1.0);
  EXPECT_EQ(twin->front(), -1.0);
  EXPECT_EQ(store_.get<Doubles>(key, {.codec = Narrow{}}).value().operator->(), narrow.get());
  EXPECT_EQ(store_.get<Doubles>(key, {.codec = Twin{}}).value().operator->(), twin.get());
  EXPECT_EQ(code_of(store_.get<Doubles>(key)), Errc::type_mismatch);
}

TEST_F(CodecTest, LeavesToLocumWhatItDeclines) {
  const std::vector<std::string> texts{"a", "bb"};
  const Key key = store_.put(texts, {.codec = Narrow{}}).value();
  EXPECT_EQ(copy_of(store_.get<std::vector<std::string>>(key)), texts);
  EXPECT_EQ(copy_of(store_.get<std::vector<std::string>>(key, {.codec = Narrow{}})), texts);
  EXPECT_EQ(store_.info(key).value().codec, "");
  const Key flat = store_.put("seven", 7, {.codec = Narrow{}}).value();
  EXPECT_EQ(*store_.get<int>("seven", {.codec = Differences{}}).value(), 7);
  const Key array = store_.put(std::vector<int>{1, 2}, {.codec = Narrow{}}).value();
  EXPECT_EQ(store_.get<int[]>(array, {.codec = Narrow{}}).value()[1], 2);
  EXPECT_EQ(store_.info(array).value().extents, Extents(2));
  EXPECT_EQ(*store_.get<int>(flat).value(), 7);
  EXPECT_EQ(Narrow::sizes + Narrow::encodings + Narrow::decodings, 0);
}

TEST_F(CodecTest, TakesWhateverItsFunctionsTake) {
  const Key key = store_.put(std::span<const double>(halves_), {.codec = Narrow{}}).value();
  EXPECT_EQ(copy_of(store_.get<Doubles>(key, {.codec = Narrow{}})), halves_);
  const double raw[2] = {1.0, 2.0};
  const Key of_raw = store_.put("raw", raw, {.codec = Narrow{}}).value();
  EXPECT_EQ(store_.get<Doubles>(of_raw, {.codec = Narrow{}}).value()->size(), 2U);
}

struct Rounded : Narrow {
  static constexpr std::string_view name = "rounded";
  explicit Rounded(double of) : unit(of) {}
  std::size_t encode(std::span<const double> values, std::span<std::byte> memory) const {
    Doubles rounded(values.begin(), values.end());
    std::ranges::for_each(rounded, [this](double& value) { value = std::round(value / unit) * unit; });
    return Narrow::encode(rounded, memory);
  }
  double unit;
};

TEST_F(CodecTest, KeepsItsStateWithWhoWrites) {
  const Key key = store_.put(Doubles{1.3, 2.6}, {.codec = Rounded(0.5)}).value();
  EXPECT_EQ(copy_of(store_.get<Doubles>(key, {.codec = Rounded(100)})), (Doubles{1.5, 2.5}));
}

// Errors of a codec while encoding.
struct Wrong {
  static constexpr std::string_view name = "wrong";
  enum class How : std::uint8_t { throws, runs_out, refuses, less, more, asks_for_all, size_throws };

  std::uint64_t size(int) const {
    if (how == How::size_throws) {
      throw std::length_error("no size");
    }
    return how == How::asks_for_all ? std::numeric_limits<std::uint64_t>::max() : 8;
  }
  std::size_t encode(int, std::span<std::byte> memory) const {
    switch (how) {
      case How::throws:
        throw std::runtime_error("of the codec's own");
      case How::runs_out:
        throw std::bad_alloc();
      case How::refuses:
        throw Error(Errc::unsupported, "not this one");
      case How::less:
        return memory.size() - 1;
      case How::more:
        return memory.size() + 1;
      case How::asks_for_all:
      case How::size_throws:
        return memory.size();
    }
    return 0;
  }
  static void decode(std::span<const std::byte> bytes, int&) {
    switch (bytes.size()) {
      case 1:
        throw std::runtime_error("of the codec's own");
      case 2:
        throw std::bad_alloc();
      case 3:
        throw Error(Errc::unsupported, "not this one");
      default:
        break;
    }
  }

  How how;
};

TEST_F(CodecTest, TurnsWhatEncodingThrowsIntoAnErrorThatLeavesNothing) {
  const std::uint64_t before = used();
  const auto put = [&](Wrong::How how) { return store_.put("name", 1, {.codec = Wrong{how}}); };
  const auto thrown = put(Wrong::How::throws);
  EXPECT_EQ(code_of(thrown), Errc::invalid_argument);
  EXPECT_EQ(thrown.error().text(), "the codec failed to write a value (codec wrong, type i32)");
  EXPECT_EQ(thrown.error().detail(), "of the codec's own");
  EXPECT_EQ(thrown.error().key(), "name");
  EXPECT_EQ(code_of(put(Wrong::How::runs_out)), Errc::out_of_memory);
  EXPECT_EQ(code_of(put(Wrong::How::refuses)), Errc::unsupported);
  EXPECT_EQ(put(Wrong::How::refuses).error().text(), "not this one (codec wrong, type i32)");
  EXPECT_EQ(code_of(put(Wrong::How::less)), Errc::invalid_argument);
  EXPECT_EQ(code_of(put(Wrong::How::more)), Errc::invalid_argument);
  EXPECT_EQ(code_of(put(Wrong::How::size_throws)), Errc::invalid_argument);
  EXPECT_EQ(code_of(put(Wrong::How::asks_for_all)), Errc::out_of_memory);
  EXPECT_EQ(code_of(store_.put_async("name", 1, {.codec = Wrong{Wrong::How::throws}}).get()),
            Errc::invalid_argument);
  EXPECT_EQ(used(), before);
  EXPECT_FALSE(store_.exists("name").value());
  EXPECT_EQ(code_of(store_.put("", 1, {.codec = Wrong{Wrong::How::less}})), Errc::invalid_argument);
}

/// The same for a size that is not known in advance.
struct WrongAtMost {
  static constexpr std::string_view name = "wrong";
  std::uint64_t size_at_most(int) const { return most; }
  std::size_t encode(int, std::span<std::byte> memory) const { return memory.size() + beyond; }
  static void decode(std::span<const std::byte>, int&) {}

  std::uint64_t most;
  std::size_t beyond;
};

TEST_F(CodecTest, BelievesNoCodecThatWroteMoreThanItMight) {
  const std::uint64_t before = used();
  EXPECT_EQ(code_of(store_.put(1, {.codec = WrongAtMost{8, 1}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.put(1, {.codec = WrongAtMost{std::numeric_limits<std::uint64_t>::max(), 0}})),
            Errc::out_of_memory);
  EXPECT_EQ(used(), before);
}

TEST_F(CodecTest, TurnsWhatDecodingThrowsIntoAnError) {
  const auto get = [&](std::size_t bytes) {
    const Key key = forge(detail::CodedType<Wrong, int>::identity, std::vector<std::byte>(bytes));
    auto got = store_.get<int>(key, {.codec = Wrong{}});
    EXPECT_TRUE(got || got.error().key() == to_string(key));
    return got;
  };
  const auto thrown = get(1);
  EXPECT_EQ(code_of(thrown), Errc::corrupt);
  EXPECT_EQ(thrown.error().text(), "the codec failed to read the stored bytes (codec wrong, type i32)");
  EXPECT_EQ(thrown.error().detail(), "of the codec's own");
  EXPECT_EQ(code_of(get(2)), Errc::out_of_memory);
  EXPECT_EQ(code_of(get(3)), Errc::unsupported);
  EXPECT_TRUE(get(4));
  EXPECT_EQ(one_.metrics->decodes, 1U) << "an error is not cached";
}

TEST_F(CodecTest, SurvivesBytesThatNoCodecWrote) {
  EXPECT_EQ(code_of(store_.get<Doubles>(
                forge(detail::CodedType<Narrow, Doubles>::identity, std::vector<std::byte>(7)),
                {.codec = Narrow{}})),
            Errc::corrupt);
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::size_t refused = 0;
  for (std::size_t round = 0; round < 2000; ++round) {
    std::vector<std::byte> bytes(random() % 40);
    std::ranges::generate(bytes, [&random] { return static_cast<std::byte>(random()); });
    const Key steps = forge(detail::CodedType<Differences, Numbers>::identity, bytes);
    const Key text = forge(detail::CodedType<ForForeign, Foreign>::identity, bytes);
    const auto numbers = store_.get<Numbers>(steps, {.codec = Differences{}});
    const auto foreign = store_.get<Foreign>(text, {.codec = ForForeign{}});
    for (const Errc code : {code_of(numbers), code_of(foreign)}) {
      ASSERT_TRUE(code == Errc{} || code == Errc::corrupt);
      refused += code == Errc::corrupt ? 1 : 0;
    }
    store_.evict(steps);
    store_.evict(text);
  }
  EXPECT_GT(refused, 1000U);
}

TEST_F(CodecTest, ReadsNoNameThatIsNoCodecs) {
  EXPECT_EQ(detail::type_and_codec("f64[]@f32").codec, "f32");
  EXPECT_EQ(detail::type_and_codec("a@b@c").type, "a@b");
  for (const std::string_view name :
       {"", "f64[]", "@", "f64[]@", "x@a b", "(lambda at /home/me@here/a.cpp:1:2)"}) {
    EXPECT_EQ(detail::type_and_codec(name).codec, "") << name;
    EXPECT_EQ(detail::type_and_codec(name).type, name);
  }
  EXPECT_FALSE(detail::is_codec_name(std::string(65, 'x')));
  const auto forged = store_.info(forge({"x@\n", text_hash("x@\n")}, {})).value();
  EXPECT_EQ(forged.codec, "");
}

TEST_F(CodecTest, ReplacesAndWaits) {
  const Key old = store_.put("T", Doubles{1.0}, {.codec = Narrow{}}).value();
  const std::uint64_t generation = store_.info("T").value().generation;
  ASSERT_TRUE(store_.replace("T", Doubles{2.0}, {.codec = Narrow{}}));
  EXPECT_EQ(store_.wait<Doubles>("T", {.codec = Narrow{}, .deadline = 10s}).value()->front(), 2.0);
  EXPECT_EQ(
      code_of(store_.replace("T", Doubles{3.0}, {.codec = Narrow{}, .expected_generation = generation})),
      Errc::stale);
  ASSERT_TRUE(store_.replace_async("T", Doubles{4.0}, {.codec = Narrow{}}).get());
  EXPECT_EQ(store_.get<Doubles>("T", {.codec = Narrow{}}).value()->front(), 4.0);
  EXPECT_FALSE(store_.exists(old).value());
  ASSERT_TRUE(store_.replace("T", Doubles{5.0}));
  EXPECT_EQ(store_.get<double[]>("T").value()[0], 5.0) << "each generation has its own codec";
  std::jthread other([&] { EXPECT_TRUE(store_.put("late", Doubles{6.0}, {.codec = Narrow{}})); });
  EXPECT_EQ(store_.wait<Doubles>("late", {.codec = Narrow{}}).value()->front(), 6.0);
}

TEST_F(CodecTest, GoesOnByItself) {
  const auto put = store_.put_async("T", halves_, {.codec = Narrow{}});
  const auto unnamed = store_.put_async(halves_, {.codec = Narrow{}, .deadline = 10s});
  const std::vector<Key> keys{put.get().value(), unnamed.get().value()};
  EXPECT_EQ(copy_of(store_.get_async<Doubles>(keys[1], {.codec = Narrow{}}).get()), halves_);
  EXPECT_EQ(copy_of(store_.get_async<Doubles>("T", {.codec = Narrow{}, .deadline = 10s}).get()), halves_);
  for (const auto& future : store_.get_async<Doubles>(keys, {.codec = Narrow{}})) {
    EXPECT_EQ(copy_of(future.get()), halves_);
  }
  for (const auto& found : store_.get_batch<Doubles>(keys, {.codec = Narrow{}})) {
    EXPECT_EQ(*found.value(), halves_);
  }
  EXPECT_EQ(code_of(store_.get_async<Doubles>(keys[0]).get()), Errc::type_mismatch);
  EXPECT_EQ(code_of(store_.get_async<Doubles>("nobody", {.codec = Narrow{}}).get()), Errc::not_found);
}

TEST_F(CodecTest, HasStandIns) {
  const Proxy<Doubles> made = store_.put_proxy("T", halves_, {.codec = Narrow{}}).value();
  EXPECT_EQ(Narrow::decodings, 0) << "the first use decodes it";
  const Proxy<Doubles> copy = made;
  EXPECT_EQ(*made, halves_);
  EXPECT_EQ(*copy, halves_);
  EXPECT_EQ(made.size_bytes(), halves_.size() * sizeof(float));
  EXPECT_EQ(made.handle().type_hash, (detail::CodedType<Narrow, Doubles>::identity.hash));
  const Handle handle = made.handle();
  const auto elsewhere = one_.session->proxy<Doubles>(handle, {.codec = Narrow{}});
  EXPECT_EQ(elsewhere, made);
  EXPECT_EQ(elsewhere.get().value()->size(), halves_.size());
  EXPECT_EQ(one_.session->proxy<Doubles>(handle, {.codec = Narrow{}}).get_async().get().value()->size(), 4U);
  EXPECT_EQ(Narrow::decodings, 1);
  EXPECT_EQ(code_of(one_.session->proxy<Doubles>(handle).get()), Errc::type_mismatch);
  EXPECT_EQ(code_of(one_.session->proxy<double[]>(handle).get()), Errc::type_mismatch);

  EXPECT_EQ(copy_of(store_.proxy<Doubles>("T", {.codec = Narrow{}}).value().get()), halves_);
  EXPECT_EQ(copy_of(store_.proxy<Doubles>(made.key(), {.codec = Narrow{}}).value().get()), halves_);
  EXPECT_EQ(code_of(store_.proxy<Doubles>("T", {.codec = ByArchives{}})), Errc::type_mismatch);
  EXPECT_EQ(code_of(store_.proxy<Doubles>("T")), Errc::type_mismatch);

  const auto declined = store_.put_proxy(std::vector<int>{1, 2}, {.codec = Narrow{}}).value();
  EXPECT_EQ(declined->at(1), 2);
  made.release();
  EXPECT_EQ(made->size(), halves_.size());
}

TEST_F(CodecTest, HasPromises) {
  Promise<Doubles> promise;
  {
    const Rounded gone(0.5);  // the promise keeps a copy
    promise = store_.promise<Doubles>({.codec = gone}).value();
  }
  const Proxy<Doubles> stand_in = promise.proxy();
  const Handle handle = stand_in.handle();
  EXPECT_EQ(code_of(promise.set(std::span<const double>(halves_))), Errc::invalid_argument);
  const Key key = promise.set(Doubles{1.3, 2.6}).value();
  EXPECT_EQ(*stand_in, (Doubles{1.5, 2.5}));
  EXPECT_EQ(copy_of(one_.session->proxy<Doubles>(handle, {.codec = Rounded(1)}).get()), (Doubles{1.5, 2.5}));
  EXPECT_EQ(code_of(one_.session->proxy<Doubles>(handle).get()), Errc::type_mismatch);
  EXPECT_EQ(copy_of(store_.get<Doubles>(key, {.codec = Rounded(1)})), (Doubles{1.5, 2.5}));
  EXPECT_EQ(code_of(store_.get<Doubles>(key)), Errc::type_mismatch);
  EXPECT_EQ(code_of(promise.set(Doubles{1.0})), Errc::key_exists);

  const auto packed = store_.with(Narrow{});
  auto named = packed.promise<Doubles>("promised").value();
  ASSERT_TRUE(named.set(halves_));
  EXPECT_EQ(copy_of(packed.get<Doubles>("promised")), halves_);
  const Proxy<Doubles> of_named = named.proxy();
  EXPECT_EQ(*of_named, halves_);
  EXPECT_EQ(store_.info("promised").value().codec, "f32");
  auto declined = packed.promise<int>().value();
  const Proxy<int> number = declined.proxy();
  ASSERT_TRUE(declined.set(7));
  EXPECT_EQ(*number, 7);
  auto array = packed.promise<int[]>().value();
  ASSERT_TRUE(array.set(std::vector<int>{1, 2}));
  EXPECT_EQ(array.proxy()->size(), 2U);
}

TEST_F(CodecTest, CanBeAStores) {
  auto packed = store_.with(Narrow{});
  const Key key = packed.put(halves_).value();
  const Key named = packed.put("T", halves_).value();
  EXPECT_EQ(copy_of(packed.get<Doubles>(key)), halves_);
  EXPECT_EQ(copy_of(packed.get<Doubles>("T")), halves_);
  EXPECT_EQ(copy_of(packed.wait<Doubles>("T", 10s)), halves_);
  EXPECT_EQ(packed.store().info("T").value().codec, "f32");
  ASSERT_TRUE(packed.replace("T", Doubles{1.0}));
  EXPECT_EQ(code_of(packed.replace("T", Doubles{1.0}, {.expected_generation = 1u << 30U})), Errc::stale);
  ASSERT_TRUE(packed.replace_async("T", Doubles{2.0}).get());
  EXPECT_EQ(packed.get_async<Doubles>("T").get().value()->front(), 2.0);
  EXPECT_FALSE(store_.exists(named).value());
  const std::vector<Key> keys{packed.put_async(halves_).get().value(),
                              packed.put_async("U", halves_).get().value()};
  for (const auto& future : packed.get_async<Doubles>(keys)) {
    EXPECT_EQ(copy_of(future.get()), halves_);
  }
  EXPECT_EQ(copy_of(packed.get_batch<Doubles>(keys)[1]), halves_);
  const auto unnamed = packed.put_proxy(halves_).value();
  EXPECT_EQ(*unnamed, halves_);
  const auto of_v = packed.put_proxy("V", halves_).value();
  EXPECT_EQ(*of_v, halves_);
  EXPECT_EQ(copy_of(packed.proxy<Doubles>("V").value().get()), halves_);
  EXPECT_EQ(code_of(store_.get<Doubles>("V")), Errc::type_mismatch);

  // Types that the codec declines are stored and read as usual: in place, and in part, too.
  const Key plain = packed.put("numbers", std::vector<int>{1, 2, 3}).value();
  EXPECT_EQ(packed.get<int[]>(plain).value()->data(), store_.get<int[]>("numbers").value()->data());
  EXPECT_EQ(packed.get<int[]>(plain, {.part = {.offset = 1, .count = 1}}).value()[0], 2);
  EXPECT_EQ(packed.get<int[]>("numbers", {.slab = {.start = {0}, .count = {2}, .stride = {2}}}).value()[1],
            3);
  EXPECT_EQ(packed.put_proxy(std::vector<int>{5}).value()->size(), 1U);
  const Key more = packed.put_async("more", 7).get().value();
  EXPECT_EQ(packed.store().info("more").value().key, more);
  EXPECT_EQ(code_of(packed.replace("more", 8)), Errc{});
  EXPECT_EQ(*packed.get<int>("more").value(), 8);
  EXPECT_EQ(code_of(packed.get<double[]>("V")), Errc::type_mismatch)
      << "the doubles are encoded, and cannot be read in place";
}

TEST_F(CodecTest, AnswersClosedLikeAnyCall) {
  auto packed = store_.with(Narrow{});
  const auto proxy = packed.put_proxy("T", halves_).value();
  const auto view = packed.get<Doubles>("T").value();
  ASSERT_TRUE(one_.session->drop("fields"));
  EXPECT_EQ(code_of(packed.put(halves_)), Errc::closed);
  EXPECT_EQ(code_of(packed.put_async("U", halves_).get()), Errc::closed);
  EXPECT_EQ(code_of(packed.get<Doubles>("T")), Errc::closed);
  EXPECT_EQ(*view, halves_);
}

TEST_F(CodecTest, IsOfUseToManyThreadsAtOnce) {
  const Key key = store_.put(halves_, {.codec = ByArchives{}}).value();
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        EXPECT_EQ(copy_of(store_.get<Doubles>(key, {.codec = ByArchives{}})), halves_);
        const Key own = store_.put(halves_, {.codec = ByArchives{}}).value();
        EXPECT_EQ(copy_of(store_.get<Doubles>(own, {.codec = ByArchives{}})), halves_);
      }
    });
  }
}

}  // namespace
}  // namespace locum::tests
