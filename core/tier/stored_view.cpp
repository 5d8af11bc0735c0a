#include "core/tier/stored_view.hpp"

#include <memory>
#include <utility>

#include "core/object/counted_board.hpp"

namespace locum {

namespace {

class StoredView final : public CountedBoard {
 public:
  StoredView(ObjectView view, std::uint32_t store)
      : CountedBoard(view.path()), view_(std::move(view)), store_(store) {}

  [[nodiscard]] ObjectFacts describe(std::uint64_t /*pin*/) const override {
    ObjectFacts facts = view_.facts();
    facts.key.store = store_;
    return facts;
  }
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t /*pin*/) const noexcept override {
    return view_.expires_ns();
  }
  [[nodiscard]] ObjectView view(const std::shared_ptr<StoredView>& self) noexcept {
    begin_view(self);
    Key key = view_.key();
    key.store = store_;
    return {*this, 0, key, view_.bytes(), view_.type_hash()};
  }

 private:
  const ObjectView view_;
  const std::uint32_t store_;
};

}  // namespace

ObjectView stored_view(ObjectView view, std::uint32_t store) {
  const auto shared = std::make_shared<StoredView>(std::move(view), store);
  return shared->view(shared);
}

}  // namespace locum
