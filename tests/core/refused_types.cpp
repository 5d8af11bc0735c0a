// Each case must fail to compile, with our own message, which ctest compares. Without a case the file
// compiles.

struct HoldsPointer {
  int* pointer = nullptr;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(pointer);
  }
};
struct HoldsSmartPointer {
  std::unique_ptr<int> pointer;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(pointer);
  }
};
struct HoldsView {
  std::string_view view;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(view);
  }
};
struct FlatWithPointer {
  double position[3];
  int* next;
};
struct FlatWithInnerView {
  int number;
  struct {
    std::string_view text;
  } inner;
};
struct FlatWithReference {
  int& number;
};
struct HoldsFlatWithPointer {
  std::vector<FlatWithPointer> all;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(all);
  }
};
struct FlatOnPurpose {
  static constexpr bool locum_is_flat = true;
  double position[3];
  int* next;
};
namespace {
struct Anonymous {
  double value;
};
struct AnonymousWithName {
  static constexpr std::string_view locum_type_name = "refused.anonymous_with_name";
  double value;
};
enum class AnonymousEnumeration { one };
}  // namespace
template <class T>
struct Box {
  T inner;
};
struct Mute {
  Mute() {}
  Mute(const Mute&) {}
};
struct NeedsArgument {
  explicit NeedsArgument(int) {}
  std::string text;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(text);
  }
};

struct NamesItselfWithMark {
  static constexpr std::string_view locum_type_name = "a@b";
  int number;
};

/// A codec of doubles; the cases omit or change its members.
struct Doubles {
  static constexpr std::string_view name = "doubles";
  template <class T>
  static constexpr bool takes = !std::is_same_v<T, Mute> && !std::is_same_v<T, int>;
  std::uint64_t size(std::span<const double> values) const { return values.size_bytes(); }
  std::size_t encode(std::span<const double>, std::span<std::byte> memory) const { return memory.size(); }
  static void decode(std::span<const std::byte>, std::vector<double>&) {}
  std::uint64_t size(const NeedsArgument&) const { return 0; }
  std::size_t encode(const NeedsArgument&, std::span<std::byte>) const { return 0; }
  static void decode(std::span<const std::byte>, NeedsArgument&) {}
};
struct NoSize {
  static constexpr std::string_view name = "no-size";
  std::size_t encode(double, std::span<std::byte>) const { return 0; }
};
struct NoEncode {
  static constexpr std::string_view name = "no-encode";
  std::uint64_t size(double) const { return 8; }
};
struct CountsNothing : NoEncode {
  void encode(double, std::span<std::byte>) const {}
};
struct NoDecode : NoEncode {
  std::size_t encode(double, std::span<std::byte>) const { return 8; }
};
struct DecodesByState : NoDecode {
  void decode(std::span<const std::byte>, double&) const {}
};
struct BadName : NoDecode {
  static constexpr std::string_view name = "two words";
  static void decode(std::span<const std::byte>, double&) {}
};
struct Nameless {};

inline constexpr locum::BackendTraits without_names{.scheme = "forgetful", .lists = false};
inline constexpr locum::BackendTraits with_names{.scheme = "mindful"};

using namespace std::chrono_literals;

inline void use(const locum::Store& store, [[maybe_unused]] int* raw) {
#if defined(RAW_POINTER)
  (void)store.put(raw);
#elif defined(MEMBER_POINTER)
  (void)store.put(HoldsPointer{raw});
#elif defined(SMART_POINTER)
  (void)store.put(std::make_shared<int>(1));
#elif defined(MEMBER_SMART_POINTER)
  (void)store.put(HoldsSmartPointer{});
#elif defined(MEMBER_VIEW)
  (void)store.put(HoldsView{});
#elif defined(FLAT_WITH_POINTER)
  (void)store.put(FlatWithPointer{});
#elif defined(ARRAY_OF_FLAT_WITH_POINTER)
  (void)store.create<FlatWithPointer>({2});
#elif defined(GET_OF_FLAT_WITH_POINTER)
  (void)store.get<FlatWithPointer[]>("x");
#elif defined(FLAT_WITH_INNER_VIEW)
  (void)store.put(FlatWithInnerView{});
#elif defined(FLAT_WITH_REFERENCE)
  (void)store.put(FlatWithReference{*raw});
#elif defined(MEMBER_FLAT_WITH_POINTER)
  (void)store.put(HoldsFlatWithPointer{});
#elif defined(IN_ANONYMOUS_NAMESPACE)
  (void)store.put(Anonymous{});
#elif defined(GET_FROM_ANONYMOUS_NAMESPACE)
  (void)store.get<std::vector<Anonymous> >("x");
#elif defined(TEMPLATE_OVER_ANONYMOUS)
  (void)store.put(Box<AnonymousWithName>{});
#elif defined(ENUMERATION_IN_ANONYMOUS_NAMESPACE)
  (void)store.put(AnonymousEnumeration::one);
#elif defined(IN_FUNCTION)
  struct Local {
    double value;
  };
  (void)store.put(Local{});
#elif defined(LAMBDA)
  (void)store.put([] { return 1; });
#elif defined(NO_SERIALIZE)
  (void)store.put(Mute{});
#elif defined(NO_CONTAINERS)
  (void)store.put(std::map<int, int>{});
#elif defined(GET_SPAN)
  (void)store.get<std::span<const double> >("x");
#elif defined(GET_CONST)
  (void)store.get<const double>("x");
#elif defined(NO_DEFAULT_CONSTRUCTOR)
  (void)store.get<NeedsArgument>("x");
#elif defined(UNREAD_PUT)
  store.put(*raw);
#elif defined(UNREAD_EXISTS)
  store.exists("x");
#elif defined(DEADLINE_AS_NAMED_VALUE)
  (void)store.put("text", locum::Deadline(10s));
#elif defined(DEADLINE_AS_VALUE)
  (void)store.put(locum::Deadline(10s));
#elif defined(OPTIONS_AS_VALUE)
  (void)store.put("text", locum::CallOptions{.deadline = 10s});
#elif defined(OPTIONS_AS_NEW_VALUE)
  (void)store.replace("text", locum::CallOptions{.deadline = 10s});
#elif defined(PUT_THAT_DROPS)
  (void)store.put(*raw, {.when_full = locum::WhenFull::drop_oldest});
#elif defined(SPAN_OF_TEMPORARY)
  const std::span<const double> elements = store.get<double[]>("x").value();
  (void)elements;
#elif defined(SPAN_CALL_ON_TEMPORARY)
  (void)store.get<double[]>("x").value().span();
#elif defined(DATA_OF_TEMPORARY)
  (void)store.get<double[]>("x").value().data();
#elif defined(ARRAY_OF_TEMPORARY)
  (void)store.get<double[]>("x").value().array();
#elif defined(LOOP_OVER_SPAN_OF_TEMPORARY)
  for (const double each : *store.get<double[]>("x").value()) {
    (void)each;
  }
#elif defined(LOOP_OVER_SPAN_OF_FUTURE)
  for (const double each : **store.get_async<double[]>("x").get()) {
    (void)each;
  }
#elif defined(SPAN_OF_FUTURE)
  const std::span<const double> elements = *store.get_async<double[]>("x").get();
  (void)elements;
#elif defined(LOOP_OVER_SPAN_OF_TEMPORARY_PROXY)
  for (const double each : *store.proxy<double[]>("x").value()) {
    (void)each;
  }
#elif defined(SPAN_OF_TEMPORARY_PROXY)
  const std::span<const double> elements = store.proxy<double[]>("x").value();
  (void)elements;
#elif defined(DECODED_OF_TEMPORARY)
  (void)*store.get<std::vector<std::string> >("x").value();
#elif defined(DECODED_OF_TEMPORARY_PROXY)
  (void)*store.proxy<std::vector<std::string> >("x").value();
#elif defined(POINTER_OF_TEMPORARY)
  (void)store.get<int>("x").value().get();
#elif defined(CODEC_WITHOUT_SIZE)
  (void)store.put(1.0, {.codec = NoSize{}});
#elif defined(CODEC_WITHOUT_ENCODE)
  (void)store.put("x", 1.0, {.codec = NoEncode{}});
#elif defined(CODEC_THAT_COUNTS_NOTHING)
  (void)store.put("x", 1.0, {.codec = CountsNothing{}});
#elif defined(CODEC_WITHOUT_DECODE)
  (void)store.get<double>("x", {.codec = NoDecode{}});
#elif defined(CODEC_WITH_STATE_TO_DECODE)
  (void)store.get<double>("x", {.codec = DecodesByState{}});
#elif defined(CODEC_IN_PLACE)
  (void)store.get<double[]>("x", {.codec = Doubles{}});
#elif defined(PART_BY_CODEC)
  (void)store.get<double[]>("x", {.part = {.offset = 1, .count = 2}, .codec = Doubles{}});
#elif defined(PART_OF_CODED_STORE)
  (void)store.with(Doubles{}).get<double[]>("x", {.part = {.offset = 1, .count = 2}});
#elif defined(CODEC_NAME)
  (void)store.put(1.0, {.codec = BadName{}});
#elif defined(NAMELESS_CODEC)
  (void)store.with(Nameless{});
#elif defined(STAND_IN_OF_SPAN_BY_CODEC)
  (void)store.put_proxy(std::span<const double>(), {.codec = Doubles{}});
#elif defined(NO_DEFAULT_CONSTRUCTOR_FOR_CODEC)
  (void)store.get<NeedsArgument>("x", {.codec = Doubles{}});
#elif defined(PROXY_OF_TEMPORARY_PROMISE)
  (void)store.promise<int>().value().proxy();
#elif defined(PROMISE_OF_ARRAY_BY_CODEC)
  (void)store.promise<double[]>({.codec = Doubles{}});
#elif defined(ARRAY_OF_ARRAYS_AS_LANGUAGE_ARRAY)
  (void)store.get<double[][3]>("x");
#elif defined(TYPE_NAME_WITH_MARK)
  (void)store.put(NamesItselfWithMark{1});
#elif defined(KEYS_WHERE_NOTHING_IS_LISTED)
  (void)locum::StoreOver<without_names>(store).keys("x");
#elif defined(KEYS_LATER_WHERE_NOTHING_IS_LISTED)
  (void)locum::StoreOver<without_names>(store).keys_async("x");
#elif defined(CLEARED_COLLECTION_WHERE_NOTHING_IS_LISTED)
  (void)locum::StoreOver<without_names>(store).collection("x").value().clear({.deadline = 10s});
#elif defined(DECLINED_AND_NOT_STORABLE)
  (void)store.put(Mute{}, {.codec = Doubles{}});
#else
  (void)store.put(*raw);
  (void)store.put(FlatOnPurpose{});
  (void)store.put(AnonymousWithName{1});
  (void)store.put(std::vector<Box<double> >(2));
  // Each form of the arguments after the value.
  const std::vector<double> values;
  (void)store.put(values, {});
  (void)store.put("x", values, {});
  (void)store.put(values, {.deadline = 10s});
  (void)store.put(values, {.codec = Doubles{}});
  (void)store.put(values, {.codec = Doubles{}, .deadline = locum::Deadline(10s)});
  (void)store.put(values, {Doubles{}});
  (void)store.put("x", values, {.codec = Doubles{}});
  (void)store.put("x", values, {.codec = Doubles{}, .deadline = 10s});
  (void)store.put("x", *raw, {.codec = Doubles{}});
  (void)store.put(NeedsArgument(1), {.codec = Doubles{}});
  (void)store.put("dt", 10s);
  (void)store.put("text", {.deadline = 10s});
  (void)store.put(values, {.when_full = locum::WhenFull::wait, .deadline = 10s});
  (void)store.put("x", values, {.when_full = locum::WhenFull::fail});
  (void)store.put("text", {.when_full = locum::WhenFull::wait});
  (void)store.put_proxy("text", {.populate = false});
  (void)store.put_proxy(values, {.codec = Doubles{}, .populate = false});
  (void)store.replace("x", values, {});
  (void)store.replace("x", values, {.deadline = 10s});
  (void)store.replace("x", values, {.expected_generation = 7, .deadline = 10s});
  (void)store.replace("x", values, {.codec = Doubles{}, .expected_generation = 7, .deadline = 10s});
  (void)store.get<double[]>("x", {.part = {.offset = 1, .count = 2}});
  (void)store.get<double[]>(locum::Key{}, {.slab = {.start = {1}, .count = {2}}, .deadline = 10s});
  (void)store.get<int[]>(std::string("x"), {.deadline = 10s});
  (void)store.get<int>(std::string_view("x"), {});
  (void)store.get<std::vector<double> >("x", {.codec = Doubles{}, .deadline = 10s});
  (void)store.wait<int>("x", 10s);
  (void)store.wait<int>("x", {.deadline = 10s});
  (void)store.wait<int>("x", {});
  (void)store.wait<int>("x", locum::Deadline(10s));
  (void)store.create<double>("x", {2, 3}, {.deadline = 10s});
  (void)store.create<double>({2, 3});
  (void)store.promise<int>().value().set(7, {});
  (void)store.promise<int>({.deadline = 10s});
  (void)store.promise<double[]>("x", {.deadline = 10s});
  (void)store.promise<std::vector<double> >({.codec = Doubles{}, .deadline = 10s});
  (void)locum::StoreOver<with_names>(store).keys("x", {.deadline = 10s});
  (void)locum::StoreOver<with_names>(store).collection("x").value().clear();
  (void)locum::StoreOver<with_names>(store).size();
  (void)locum::StoreOver<with_names>(store).keys_async("x").get();
  (void)locum::StoreOver<with_names>(store).collection("x", {.lifetime = 10s});
  const locum::StoreOver<without_names> forgetful(store);
  (void)forgetful.put("x", values, {.deadline = 10s});
  (void)forgetful.get<double[]>("x");
  const locum::Store& any = forgetful;  // where nothing is known of it, keys() says what is wrong
  (void)any.keys("x");
  store.evict("x");  // the result may be ignored
  store.evict(locum::Key{});
  // A flat value of a temporary view is a copy; `->` and a loop over the view itself refer to it during its
  // lifetime.
  (void)(*store.get<int>("x").value() + *store.proxy<int>("x").value());
  (void)store.get<std::vector<std::string> >("x").value()->size();
  for (const double each : store.get<double[]>("x").value()) {
    (void)each;
  }
  (void)store.get<double[]>("x").value()[0];
#endif
}
