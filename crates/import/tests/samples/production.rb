require "active_support/core_ext/integer/time"

Rails.application.configure do
  config.cache_classes = true
  config.public_file_server.enabled = ENV["RAILS_SERVE_STATIC_FILES"].present?

  # Four memcacheds behind one namespace.
  config.cache_store = :mem_cache_store,
                       "cache-1.example.com:11211", "cache-2.example.com:11211:2",
                       "cache-3.example.com",
                       { namespace: "shop-#{Rails.env}", expires_in: 1.day, compress: true,
                         pool: { size: 5, timeout: 5 }, socket_timeout: 0.5, failover: false,
                         value_max_bytes: 2_097_152, down_retry_delay: 30, sekret: "x" }

  config.session_store :mem_cache_store, memcache_server: ["sessions-1.example.com:11211"], key: "_shop"
end
