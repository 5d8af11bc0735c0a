// Each case must be refused while compiling, with our own words; ctest compares them. Without a case the file
// compiles.
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/store.hpp"

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

using namespace std::chrono_literals;

inline void use(locum::Store& store, [[maybe_unused]] int* raw) {
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
#elif defined(TEXT_AND_DURATION)
  (void)store.put("dt", 10s);
#elif defined(STRING_AND_DURATION)
  (void)store.put(std::string("dt"), 10s);
#elif defined(TEXT_AND_MOMENT)
  (void)store.put("dt", locum::Deadline::Clock::now());
#elif defined(PROXY_OF_TEXT_AND_DURATION)
  (void)store.put_proxy("dt", 10s);
#else
  (void)store.put(*raw);
  store.evict("x");  // whether it was there need not be asked
  store.evict(locum::Key{});
  // A text and a duration, told apart in each of the ways that the refusal names.
  (void)store.put("dt", 10s, {});
  (void)store.put("text", locum::Deadline(10s));
  (void)store.put_proxy("dt", 10s, {});
  (void)store.put_proxy("text", locum::Deadline(10s));
  // One of them alone needs no telling.
  (void)store.put(10s);
  (void)store.put(*raw, 10s);
  (void)store.put("x", *raw, 10s);
  (void)store.put(std::string_view("dt"), 10s, 10s);
  (void)store.replace("dt", 10s);
#endif
}
