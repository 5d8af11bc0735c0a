#include "core/links.hpp"

#include <utility>

#include "core/cluster.hpp"
#include "core/node_service.hpp"

namespace locum {

Links::Links(LinkParts parts)
    : inline_bytes_(parts.inline_bytes),
      timeout_(parts.timeout),
      exchange_(
          std::make_shared<Exchange>(parts.transport, std::move(parts.metrics),
                                     ExchangeOptions{.rank = parts.rank,
                                                     .size = static_cast<int>(parts.node_of_rank.size()),
                                                     .incarnation = parts.incarnation,
                                                     .patience = parts.patience})),
      nodes_(std::make_shared<Nodes>(parts.node_of_rank, parts.rank, exchange_)),
      service_(std::make_unique<NodeService>(parts.memory,
                                             open_cluster({.arena = parts.memory.arena,
                                                           .table = parts.memory.table,
                                                           .directory = parts.memory.directory,
                                                           .timeout = parts.timeout}),
                                             exchange_, nodes_, inline_bytes_, parts.timeout)) {
  exchange_->serve(service_.get());
  progress_ = std::make_shared<Progress>(std::move(parts.transport), exchange_, std::move(parts.progress));
  client_ = std::make_shared<NodeClient>(nodes_, progress_, parts.timeout);
}

Links::~Links() {
  close();
}

void Links::lose(int rank, const Error& cause) {
  progress_->submit([exchange = exchange_, rank, cause] { exchange->lose(rank, cause); });
  (void)progress_->poll();
}

void Links::close() noexcept {
  constexpr auto patience = std::chrono::seconds(1);  // with a step of the thread that drives now
  const auto closed = std::make_shared<Pending>();
  progress_->submit([exchange = exchange_, progress = progress_.get(), closed] {
    exchange->close(
        Error(Errc::closed, "the runtime has been closed; keep it alive as long as its stores are used"));
    progress->finish(*closed);
  });
  if (progress_->wait(*closed, progress_->now() + patience)) {
    service_.reset();
  }
}

}  // namespace locum
