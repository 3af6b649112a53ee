// Package models opens language models by name: "offline", or "openai/<model>" for everything that speaks OpenAI's API.
package models
