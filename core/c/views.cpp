// Objects in structures of the caller.
#include "core/c/views.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "core/c/errors.hpp"
#include "core/c/thread_counts.hpp"
#include "core/c/unreleased.hpp"

using namespace locum;
using namespace locum::c;

namespace {

using Owner = std::shared_ptr<const void>;

// The last word of locum_view::library, of a view that holds an object, or other memory.
constexpr std::uint64_t holds_object = 0x6D75'636F'6C20'766DU;
constexpr std::uint64_t holds_memory = 0x6D75'636F'6C20'6D6DU;
constexpr std::size_t mark = 7;
static_assert(sizeof(RawView) <= mark * sizeof(std::uint64_t) && alignof(RawView) <= alignof(std::uint64_t));
static_assert(sizeof(Owner) <= mark * sizeof(std::uint64_t) && alignof(Owner) <= alignof(std::uint64_t));

RawView& object_in(locum_view& view) noexcept {
  return *std::launder(reinterpret_cast<RawView*>(view.library));
}

Owner& owner_in(locum_view& view) noexcept {
  return *std::launder(reinterpret_cast<Owner*>(view.library));
}

}  // namespace

namespace locum::c {

bool holds(const locum_view& view) noexcept {
  return view.library[mark] == holds_object || view.library[mark] == holds_memory;
}

Error holds_nothing() {
  return Error(Errc::invalid_argument,
               "this view holds no object: its get failed, or it was released already");
}

void empty(locum_view& view) noexcept {
  view.library[mark] = 0;
}

locum_status give_view(Result<RawView>&& found, locum_view& view) {
  if (!found) {
    return failed(found.error());
  }
  const ObjectFacts facts = found->object().facts();
  if (!facts.whole) {
    return status_of(found->info());
  }
  new (&view.array)
      locum_array(array_of(found->object(), facts));  // made in place: a copy waits for its parts
  view.key = key_of(facts.key);
  view.size_bytes = facts.size_bytes;
  new (view.library) RawView(std::move(*found));
  view.library[mark] = holds_object;
  open_views().add_one();
  return LOCUM_OK;
}

void give_memory(std::shared_ptr<const void> owner, const locum_array& array, std::uint64_t size_bytes,
                 locum_view& view) noexcept {
  view.array = array;
  view.key = {};
  view.size_bytes = size_bytes;
  new (view.library) Owner(std::move(owner));
  view.library[mark] = holds_memory;
  open_views().add_one();
}

}  // namespace locum::c

locum_status locum_view_release(locum_view* view) {
  return guarded([&] {
    if (view == nullptr) {
      return is_null("view");
    }
    if (!holds(*view)) {
      return failed(holds_nothing());
    }
    const bool is_object = view->library[mark] == holds_object;
    view->library[mark] = 0;
    open_views().subtract_one();
    view->array.data = nullptr;
    if (is_object) {
      object_in(*view).~RawView();
    } else {
      owner_in(*view).~Owner();
    }
    return LOCUM_OK;
  });
}
