#include "core/array.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <string>

#include "core/raw_view.hpp"
#include "core/value/errors.hpp"
#include "core/value/extents_text.hpp"

namespace locum {

namespace {

/// Arrays begin at addresses that suit vector instructions and cache lines.
constexpr std::size_t array_alignment = 64;

/// Returns `f64[2x3]`, for errors.
std::string shape_text(const ElementType& element, const Extents& extents) {
  return element.name() + "[" + (extents.size() == 0 ? std::string() : extents_text(extents, "x")) + "]";
}

std::shared_ptr<void> aligned_memory(std::uint64_t size_bytes, std::size_t alignment) {
  if (size_bytes > std::uint64_t{std::numeric_limits<std::ptrdiff_t>::max()}) {
    return nullptr;
  }
  const std::align_val_t at{alignment};
  void* const memory = ::operator new(std::max<std::size_t>(size_bytes, 1), at, std::nothrow);
  return memory == nullptr ? nullptr
                           : std::shared_ptr<void>(memory, [at](void* made) { ::operator delete(made, at); });
}

/// Compares elements, beginning with those of a dimension. Bytes that lie side by side in both arrays are
/// compared at once.
bool equal_from(std::size_t dimension, std::size_t depth, std::uint64_t run_bytes,
                const detail::StridedBytes& a, const detail::StridedBytes& b, const std::byte* at_a,
                const std::byte* at_b) noexcept {
  if (dimension == depth) {
    return std::memcmp(at_a, at_b, run_bytes) == 0;
  }
  for (std::uint64_t at = 0; at < a.extents[dimension]; ++at) {
    if (!equal_from(dimension + 1, depth, run_bytes, a, b, at_a, at_b)) {
      return false;
    }
    at_a += a.strides[dimension];
    at_b += b.strides[dimension];
  }
  return true;
}

/// REQUIRES: equal extents and sizes of elements, and at least one element.
bool equal_elements(const detail::StridedBytes& a, const detail::StridedBytes& b) noexcept {
  std::uint64_t run_bytes = a.element_bytes;
  std::size_t depth = a.extents.size();
  const auto is_run = [&](const detail::StridedBytes& array) {
    return array.extents[depth - 1] == 1 || array.strides[depth - 1] == static_cast<std::int64_t>(run_bytes);
  };
  while (depth > 0 && is_run(a) && is_run(b)) {
    run_bytes *= a.extents[--depth];
  }
  return equal_from(0, depth, run_bytes, a, b, a.first, b.first);
}

}  // namespace

Array& Array::operator=(Array&& other) noexcept {
  if (this != &other) {
    owner_ = std::move(other.owner_);
    shown_ = std::exchange(other.shown_, ConstRawArray(nullptr, {}, {}));
    elements_ = std::exchange(other.elements_, 0);
  }
  return *this;
}

Result<Array> Array::copy_of(const ConstRawArray& array) {
  if (!array.is_valid()) {
    return invalid(array);
  }
  auto draft = ArrayDraft::make(array.element(), array.extents());
  if (!draft) {
    return draft.error();
  }
  if (array.extents().size() == 0) {
    std::memcpy(draft->bytes().data(), array.data(), draft->bytes().size());
  } else {
    detail::pack(array.memory(), draft->bytes().data());
  }
  return std::move(*draft).finish();
}

Result<Array> Array::of(const RawView& object) {
  if (!object) {
    return Error(Errc::invalid_argument, "this view is empty; get one from a store");
  }
  const auto info = object.info();
  if (!info) {
    return info.error();
  }
  const bool is_raw = info->layout == Layout::bytes;
  if (!is_raw && !info->element) {
    return Error(Errc::type_mismatch, "the object is a " + info->type +
                                          (info->codec.empty() ? "" : ", encoded by " + info->codec) +
                                          ", not an array; read it as its C++ type")
        .about(info->name.empty() ? to_string(info->key) : info->name);
  }
  auto pin = std::make_shared<const RawView>(object);
  const auto bytes = pin->bytes();
  const ConstRawArray shown(bytes, is_raw ? ElementType::of<std::uint8_t>() : info->element,
                            is_raw ? Extents(bytes.size()) : info->extents);
  if (!shown.is_valid()) {
    return Error(Errc::corrupt, "the object has " + std::to_string(bytes.size()) + " bytes, which are no " +
                                    shape_text(shown.element(), shown.extents()) + "; put it again")
        .about(to_string(info->key));
  }
  return Array(std::move(pin), shown);
}

bool Array::is_contiguous() const noexcept {
  if (elements_ == 0) {
    return true;
  }
  std::uint64_t distance = element().bytes();
  for (std::size_t at = extents().size(); at-- > 0;) {
    if (extents()[at] != 1 && stride(at) != static_cast<std::int64_t>(distance)) {
      return false;
    }
    distance *= extents()[at];
  }
  return true;
}

Result<Array> Array::packed() const {
  return is_contiguous() ? Result<Array>(*this) : copy_of(shown_);
}

Array Array::copied(const ConstRawArray& array) {
  auto made = copy_of(array);
  if (!made && made.error().code() == Errc::out_of_memory) {
    throw std::bad_alloc();
  }
  return std::move(made).value();
}

std::uint64_t Array::count_of(const Extents& extents) noexcept {
  std::uint64_t count = 1;
  bool is_too_large = false;
  for (const std::uint64_t extent : extents.span()) {
    if (extent == 0) {
      return 0;
    }
    is_too_large = __builtin_mul_overflow(count, extent, &count) || is_too_large;
  }
  // Only strides of 0 describe more elements than there are addresses.
  return is_too_large ? std::numeric_limits<std::uint64_t>::max() : count;
}

Result<void> Array::readable_as(const ElementType& type, std::size_t alignment) const {
  if (!*this) {
    return Error(Errc::type_mismatch, "there is no array; this value is empty");
  }
  if (element() != type) {
    return Error(Errc::type_mismatch, "the elements are " + element().name() + ", not " + type.name() +
                                          "; read them as their own type");
  }
  if (extents().size() == 0) {
    return Error(Errc::invalid_argument,
                 "this is one " + type.name() + " without extents; read it as one value");
  }
  bool is_aligned = size() == 0 || reinterpret_cast<std::uintptr_t>(data()) % alignment == 0;
  for (std::size_t at = 0; at < extents().size(); ++at) {
    is_aligned = is_aligned && (extents()[at] <= 1 || stride(at) % std::int64_t{type.bytes()} == 0);
  }
  return is_aligned ? Result<void>()
                    : Error(Errc::invalid_argument,
                            "the elements are not aligned for " + type.name() + "; read a copy of the array");
}

Result<void> Array::is_one(const ElementType& type) const {
  if (!*this) {
    return Error(Errc::type_mismatch, "there is no array; this value is empty");
  }
  if (element() != type) {
    return Error(Errc::type_mismatch,
                 "the element is " + element().name() + ", not " + type.name() + "; read it as its own type");
  }
  return size() == 1 ? Result<void>()
                     : Error(Errc::invalid_argument, "this array is " + shape_text(type, extents()) +
                                                         ", not one element; read it as an array");
}

bool operator==(const Array& a, const Array& b) noexcept {
  return a.element() == b.element() && a.extents() == b.extents() &&
         (a.size() == 0 || !a || equal_elements(a.shown_.memory(), b.shown_.memory()));
}

Result<ArrayDraft> ArrayDraft::make(const ElementType& element, const Extents& extents) {
  if (!element) {
    return no_element_type();
  }
  const auto size_bytes =
      detail::array_bytes(extents, detail::RuntimeArrayType(element, extents.size() == 0));
  if (!size_bytes) {
    return size_bytes.error();
  }
  std::shared_ptr<void> memory;
  try {
    memory = aligned_memory(*size_bytes, std::max<std::size_t>(array_alignment, element.alignment()));
  } catch (const std::bad_alloc&) {
  }
  if (!memory) {
    return Error(Errc::out_of_memory, "this process has no memory for the " + std::to_string(*size_bytes) +
                                          " bytes of an array; raise its limits, or load parts");
  }
  auto* const first = static_cast<std::byte*>(memory.get());
  return ArrayDraft(std::move(memory), {first, static_cast<std::size_t>(*size_bytes)}, element, extents);
}

Array ArrayDraft::finish() && {
  const ConstRawArray shown(bytes_, element_, extents_);
  bytes_ = {};
  return {std::move(owner_), shown};
}

}  // namespace locum
