#include "core/client/batch_evict.hpp"

#include <utility>

#include "core/base/unless_out_of_memory.hpp"

namespace locum {

BatchEvict::BatchEvict(RemoteWriter& writer, std::vector<Lookup> objects, Moment until)
    : BatchUpdate(writer.client(), until), writer_(writer), objects_(std::move(objects)) {}

Task<Result<BatchEvict::Evicted>> BatchEvict::evict(std::shared_ptr<RemoteWriter> writer,
                                                    std::vector<Lookup> objects,
                                                    Deadline::Clock::time_point until) {
  BatchEvict batch(*writer, std::move(objects), until);
  if (!unless_out_of_memory([&] { batch.plan(); })) {
    co_return no_memory_left();
  }
  (void)co_await batch.make();
  co_return std::move(batch.evicted_);
}

void BatchEvict::plan() {
  evicted_.assign(objects_.size(), no_memory_left());
  const Nodes& nodes = client().nodes();
  for (std::uint32_t at = 0; at < objects_.size(); ++at) {
    const Lookup& object = objects_[at];
    const int node = object.by_name() ? nodes.home(object.key.store, name_hash(object.key.store, object.name))
                                      : nodes.of_creator(object.key.creator);
    if (node < 0 || node == nodes.own()) {
      leave_alone(at);
    } else if (object.by_name()) {
      add_to_chunk(node, Kind::unbind_batch, at,
                   sizeof(std::uint32_t) + sizeof(UnbindWords) + object.name.size());
    } else {
      add_to_chunk(node, Kind::evict_batch, at, sizeof(std::uint32_t) + sizeof(KeyWords));
    }
  }
}

void BatchEvict::pack(std::uint32_t change, Sending& sending) {
  const Lookup& object = objects_[change];
  const UnbindWords name{.only = Key{}, .store = object.key.store};
  const KeyWords key{object.key};
  append_request(object.by_name() ? PackedRequest{words(name), bytes_of_text(object.name)}
                                  : PackedRequest{words(key), {}},
                 sending.bytes);
}

bool BatchEvict::settle(int /*node*/, std::uint32_t change, const Result<std::uint64_t>& said, Word /*word*/,
                        Turn /*turn*/) noexcept {
  evicted_[change] = said ? Result<bool>(*said != 0) : Result<bool>(said.error());
  return false;
}

Task<std::monostate> BatchEvict::make_alone(std::uint32_t change) {
  const Lookup& object = objects_[change];
  evicted_[change] = co_await writer_.evict(Lookup(object.address(), until()));
  co_return std::monostate();
}

}  // namespace locum
