#include "core/client/batch_search.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/unless_out_of_memory.hpp"
#include "core/rpc/update_batch_wire.hpp"

namespace locum {

namespace {

/// Most objects requested one by one at a time.
constexpr std::size_t most_workers = 128;

// The object's key or name, for errors.
std::string title_of(const Address& address) {
  return address.name.empty() ? to_string(address.key) : std::string(address.name);
}

}  // namespace

void BatchWanted::keep_names() {
  std::size_t bytes = 0;
  for (const Address& address : addresses) {
    bytes += address.name.size();
  }
  if (bytes == 0) {
    return;
  }
  names = std::make_unique_for_overwrite<char[]>(bytes);
  char* end = names.get();
  for (Address& address : addresses) {
    if (!address.name.empty()) {
      std::memcpy(end, address.name.data(), address.name.size());
      address.name = {end, address.name.size()};
      end += address.name.size();
    }
  }
}

BatchSearch::BatchSearch(RemoteReader& reader, BatchWanted wanted)
    : reader_(reader), wanted_(std::move(wanted)), chunks_(most_update_batch_bytes) {}

Task<Result<BatchSearch::Found>> BatchSearch::find(std::shared_ptr<RemoteReader> reader, BatchWanted wanted) {
  BatchSearch search(*reader, std::move(wanted));
  if (!unless_out_of_memory([&] { search.plan(); })) {
    co_return no_memory_left();
  }
  co_await Operation::ToDriver();
  search.begin();
  while (true) {
    const bool goes_on = co_await search.group_.next();
    if (!goes_on) {
      break;
    }
    const WaitBudget budget = co_await Operation::ToThread();
    search.group_.work(budget);
  }
  co_return std::move(search.found_);
}

// By node, and in the order of the addresses. Objects known to this node are searched for one by one: a copy
// that may not be shown without asking, a flight, or the object of a name at home here.
void BatchSearch::plan() {
  found_.assign(wanted_.addresses.size(), Result<ObjectView>(ObjectView()));
  chunks_.reserve(wanted_.addresses.size());
  for (std::uint32_t at = 0; at < wanted_.addresses.size(); ++at) {
    const Address& address = wanted_.addresses[at];
    if (reader_.begins_here(address)) {
      look_alone({.object = at});
    } else if (!address.name.empty()) {
      chunks_.add(reader_.home_of(address), Kind::look_up_batch, at,
                  sizeof(std::uint32_t) + sizeof(NameWords) + address.name.size());
    } else if (!wanted_.has_no_copy[at]) {
      const MutexLock lock(mutex_);
      known_here_.push_back(at);
    } else {
      chunks_.add(reader_.owner(address.key), Kind::fetch_batch, at, sizeof(Key));
    }
  }
  chunks_.plan();
}

void BatchSearch::begin() noexcept {
  for (const std::size_t chunk : chunks_.first()) {
    group_.begin(reader_.client().operation(ask_for(chunk)));
  }
  begin_workers();
}

// This chunk, and those after it.
Task<std::monostate> BatchSearch::ask_for(std::size_t chunk) {
  do {
    BatchChunk& asked = chunks_[chunk];
    while (!asked.objects.empty()) {
      const auto reply = co_await ask(asked);
      settle(asked, reply);
      begin_workers();
    }
    chunk = asked.next;
  } while (chunk != 0);
  co_return std::monostate();
}

ReplyAwaiter BatchSearch::ask(const BatchChunk& chunk) const {
  const auto bytes = std::make_shared<std::vector<std::byte>>();
  for (const std::uint32_t at : chunk.objects) {
    const Address& address = wanted_.addresses[at];
    if (chunk.kind == Kind::look_up_batch) {
      const NameWords of_store{.store = address.key.store, .value_wanted = 1};
      append_request({words(of_store), bytes_of_text(address.name)}, *bytes);
    } else {
      const auto key = words(address.key);
      bytes->insert(bytes->end(), key.begin(), key.end());
    }
  }
  const BatchWords asked{.count = static_cast<std::uint32_t>(chunk.objects.size()),
                         .facts = wanted_.wanting == Wanting::facts ? 1U : 0U};
  return reader_.client().request(chunk.node, chunk.kind, words(asked), {*bytes, bytes}, wanted_.until);
}

void BatchSearch::settle(BatchChunk& chunk, const Result<NodeReply>& reply) {
  if (!reply) {
    return fail(chunk, reply.error());
  }
  const auto said = read_words<BatchReplyWords>(reply->body);
  const std::size_t rows = chunk.objects.size();
  if (!said || said->count != rows || !reply->block || reply->block_bytes < rows * sizeof(BatchRow)) {
    return fail(chunk, call_error::invalid_reply(chunk.node));
  }
  settle(chunk, std::make_shared<ReceivedBatch>(reply->block, reply->block_bytes, rows,
                                                wanted_.wanting == Wanting::facts, reply->path));
}

// Keeps those in the chunk that have to be requested again, because the reply was full. If the reply
// contained none, repeating would not help.
void BatchSearch::settle(BatchChunk& chunk, const std::shared_ptr<ReceivedBatch>& held) {
  const std::vector<std::uint32_t> objects = std::exchange(chunk.objects, {});
  bool came = false;
  for (std::size_t at = 0; at < objects.size(); ++at) {
    const Address& address = wanted_.addresses[objects[at]];
    auto& found = found_[objects[at]];
    const BatchRow row = held->row(at);
    if (row.status == static_cast<std::uint32_t>(Errc::not_found)) {
      found = no_such_object();
    } else if (row.status != 0) {
      look_alone({.object = objects[at]});
    } else if (!is_sensible(address, row.object)) {
      found = call_error::invalid_reply(chunk.node).about(title_of(address));
    } else if (!address.name.empty() && is_looked_for_by_key(row)) {
      look_alone({.object = objects[at], .said = row.object});
    } else if (row.at != 0) {
      found = view(held, at, address);
      came = true;
    } else if (held->bytes_of(row.object.record) > reader_.inline_bytes()) {
      look_alone({.object = objects[at], .size_bytes = row.object.record.block_bytes()});
    } else {
      chunk.objects.push_back(objects[at]);
    }
  }
  if (!came) {
    for (const std::uint32_t object : std::exchange(chunk.objects, {})) {
      look_alone({.object = object});
    }
  }
}

// The object of a name at another node: one of this node, or one that was not included because of its size.
bool BatchSearch::is_looked_for_by_key(const BatchRow& row) const {
  return reader_.owner(row.object.key) == reader_.client().nodes().own() ||
         (row.at == 0 && row.object.record.block_bytes() > reader_.inline_bytes());
}

bool BatchSearch::is_sensible(const Address& address, const ObjectWire& said) const {
  return plausible(said) && reader_.owner(said.key) >= 0 &&
         (address.name.empty() ? said.key == address.key
                               : said.key.store == address.key.store &&
                                     said.record.name_hash == name_hash(address.key.store, address.name));
}

// Another node's claim of what a name is bound to counts only for objects that carry the name themselves.
Result<ObjectView> BatchSearch::view(const std::shared_ptr<ReceivedBatch>& held, std::size_t at,
                                     const Address& address) const {
  auto found = ReceivedBatch::view(held, at);
  if (found && !address.name.empty() && found->facts().name != address.name) {
    return call_error::other_name().about(address.name);
  }
  return found;
}

void BatchSearch::fail(BatchChunk& chunk, const Error& error) {
  for (const std::uint32_t object : std::exchange(chunk.objects, {})) {
    found_[object] = error.about(title_of(wanted_.addresses[object]));
  }
}

void BatchSearch::look_alone(const Single& single) {
  const MutexLock lock(mutex_);
  singles_.push_back(single);
}

// As many as there is work for. Only on the driver.
void BatchSearch::begin_workers() noexcept {
  const auto waiting = [this] {
    const MutexLock lock(mutex_);
    const bool knows = !knowing_ && known_taken_ < known_here_.size();
    return singles_.size() - taken_ + (knows ? 1 : 0);
  };
  for (std::size_t left = waiting(); left > 0 && workers_.load(std::memory_order_relaxed) < most_workers;
       --left) {
    workers_.fetch_add(1, std::memory_order_relaxed);
    group_.begin(reader_.client().operation(work()));
  }
}

// Those known to this node, one after the other: the first one renews the lease of its node's copies, and the
// others need not.
bool BatchSearch::take_single(Single& single) {
  const MutexLock lock(mutex_);
  knowing_ = knowing_ && !single.is_known;
  if (!knowing_ && known_taken_ < known_here_.size()) {
    knowing_ = true;
    single = {.object = known_here_[known_taken_++], .is_known = true};
    return true;
  }
  if (taken_ == singles_.size()) {
    return false;
  }
  single = singles_[taken_++];
  return true;
}

// Work found by this one at its end is started by the next one to check.
Task<std::monostate> BatchSearch::work() {
  for (Single single; take_single(single);) {
    found_[single.object] = co_await find_alone(single);
  }
  workers_.fetch_sub(1, std::memory_order_relaxed);
  co_return std::monostate();
}

Task<Result<ObjectView>> BatchSearch::find_alone(const Single& single) const {
  Address address = wanted_.addresses[single.object];
  address.size_bytes = std::max(address.size_bytes, single.size_bytes);
  const auto part = wanted_.wanting == Wanting::facts ? Selection(Facts()) : Selection();
  Lookup wanted(address, wanted_.until, part, false, wanted_.has_no_copy[single.object]);
  return single.said.key.valid() ? reader_.find_behind(std::move(wanted), single.said)
                                 : reader_.find(std::move(wanted));
}

}  // namespace locum
