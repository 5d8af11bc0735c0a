// Each case must be refused while compiling, with our own words; ctest compares them. Without a case the file
// compiles.
#include <map>
#include <memory>
#include <span>
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

inline void use(locum::Store& store, int* raw) {
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
#else
  (void)store.put(*raw);
#endif
}
